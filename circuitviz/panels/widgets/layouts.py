"""Rows and columns of widgets, each laid out in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QSplitter, QVBoxLayout, QWidget

LayoutItem = QWidget | QLayout | int | tuple[QWidget | QLayout, int]
"""What stands in a row or column: a widget or a layout, with its stretch factor where that is not 0; a number
alone is empty space with that stretch factor."""
Margins = tuple[int, int, int, int]
NO_MARGINS: Margins = (0, 0, 0, 0)
B = TypeVar("B", bound=QBoxLayout)


def lay_out_row(
    *items: LayoutItem,
    parent: QWidget | None = None,
    spacing: int | None = None,
    margins: Margins = NO_MARGINS,
) -> QHBoxLayout:
    """Lay items out from left to right.

    Args:
        *items: From left to right.
        parent: The widget that the row fills; None: the row is part of another layout.
        spacing: Pixels between two items; None: as in the layout that the row is part of.
        margins: Pixels at left, top, right and bottom.
    """
    return _fill(QHBoxLayout(parent) if parent else QHBoxLayout(), items, spacing, margins)


def lay_out_column(
    *items: LayoutItem,
    parent: QWidget | None = None,
    spacing: int | None = None,
    margins: Margins = NO_MARGINS,
) -> QVBoxLayout:
    """Lay items out from top to bottom; the arguments are those of ``lay_out_row``."""
    return _fill(QVBoxLayout(parent) if parent else QVBoxLayout(), items, spacing, margins)


def make_splitter(
    *widgets: QWidget, sizes: Sequence[int], stretched: int | None = None, is_collapsible: bool = True
) -> QSplitter:
    """Widgets side by side, with lines between them that can be dragged.

    Args:
        *widgets: From left to right.
        sizes: Their widths in pixels at first.
        stretched: The index of the widget that takes all further width; None: all do.
        is_collapsible: Whether a widget can be dragged away.
    """
    splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=is_collapsible)
    for widget in widgets:
        splitter.addWidget(widget)
    splitter.setSizes(list(sizes))
    if stretched is not None:
        splitter.setStretchFactor(stretched, 1)
    return splitter


def _fill(layout: B, items: tuple[LayoutItem, ...], spacing: int | None, margins: Margins) -> B:
    if spacing is not None:
        layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    for item in items:
        content, stretch = item if isinstance(item, tuple) else (item, 0)
        if isinstance(content, int):
            layout.addStretch(content)
        elif isinstance(content, QWidget):
            layout.addWidget(content, stretch)
        else:
            layout.addLayout(content, stretch)
    return layout
