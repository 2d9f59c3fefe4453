"""Finds texts of a window that have less room than they need and that no tool tip holds as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QTableView,
    QTreeView,
    QWidget,
)

from circuitviz.panels.widgets.elided_label import ElidedLabel

SLACK_PX = 1  # of rounding
CELL_MARGIN_PX = 2
FIELD_FRAME_PX = 7  # of a number field, above and below its text
MAX_ROWS = 30


def cut_texts(root: QWidget) -> list[str]:
    """Each text of what can be seen below ``root`` that is cut."""
    found: list[str] = []
    for widget in [root, *root.findChildren(QWidget)]:
        if not widget.isVisible():
            continue
        faults = [] if widget.visibleRegion().isEmpty() else list(_faults(widget))
        faults += _clipping_faults(widget, root)
        found += [f"{type(widget).__name__} {text!r}: {why}" for text, why in faults]
    return found


def _faults(widget: QWidget) -> Iterator[tuple[str, str]]:
    if isinstance(widget, QLabel):
        yield from _label_faults(widget)
    elif isinstance(widget, QTabBar):
        for index in range(widget.count()):
            text, rect = widget.tabText(index), widget.tabRect(index)
            if widget.isTabVisible(index) and text and _width(widget, text) > rect.width() + SLACK_PX:
                yield text, f"tab of {rect.width()} px"
    elif isinstance(widget, QAbstractButton):
        if widget.text() and not isinstance(widget.parent(), QTabBar):
            room, need = widget.width(), _width(widget, widget.text())
            if need > room + SLACK_PX and not _holds(widget.toolTip(), widget.text()):
                yield widget.text(), f"{room} px for {need}"
            if widget.height() + SLACK_PX < widget.fontMetrics().height():
                yield widget.text(), f"{widget.height()} px high"
    elif isinstance(widget, QComboBox) and not widget.isEditable():  # a line that is edited scrolls
        text = widget.currentText()
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = widget.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, widget
        )
        if _width(widget, text) > field.width() + SLACK_PX and not _holds(widget.toolTip(), text):
            yield text, f"combo box with {field.width()} px"
    elif isinstance(widget, QHeaderView):
        yield from _header_faults(widget)
    elif isinstance(widget, QAbstractItemView) and isinstance(widget, QTableView | QTreeView):
        yield from _cell_faults(widget)


def _clipping_faults(widget: QWidget, root: QWidget) -> Iterator[tuple[str, str]]:
    """A widget that reaches over an edge of what it lies in, so that one has to scroll sideways to read it.

    What lies above or below is scrolled to, except where nothing scrolls.
    """
    if not isinstance(widget, QAbstractButton | QLabel | QComboBox | QAbstractSpinBox):
        return
    text = widget.accessibleName() if isinstance(widget, QAbstractSpinBox) else _text_of(widget)
    width, height = widget.width(), widget.height()
    if isinstance(widget, QLabel) and not widget.wordWrap():
        width = min(width, _width(widget, widget.text()))
    left, top, is_scrolled = 0, 0, False
    ancestor, hidden_px, hidden_height_px = widget, 0, 0
    while text and ancestor is not root and (parent := ancestor.parentWidget()) is not None:
        if isinstance(parent, QAbstractItemView | QTabBar):
            return  # a cell, or the arrows of tabs
        left, top = left + ancestor.x(), top + ancestor.y()
        is_scrolled |= isinstance(parent.parentWidget(), QAbstractScrollArea)
        hidden_px = max(hidden_px, -left, left + width - parent.width())
        if not is_scrolled:
            hidden_height_px = max(hidden_height_px, -top, top + height - parent.height())
        ancestor = parent
    if isinstance(widget, QAbstractSpinBox | QComboBox):
        hidden_height_px = max(hidden_height_px, widget.fontMetrics().height() + FIELD_FRAME_PX - height)
    if hidden_px > SLACK_PX:
        yield text, f"{hidden_px} of {width} px are out of view"
    if hidden_height_px > SLACK_PX:
        yield text, f"{hidden_height_px} of {height} px of its height are out of view"


def _text_of(widget: QWidget) -> str:
    return widget.currentText() if isinstance(widget, QComboBox) else str(widget.property("text") or "")


def _label_faults(label: QLabel) -> Iterator[tuple[str, str]]:
    text, room = label.text(), label.contentsRect()
    if not text or label.textFormat() is Qt.TextFormat.RichText:
        return
    if isinstance(label, ElidedLabel) and not label.toolTip():
        return  # its tool tip is its text
    if label.wordWrap():
        flags = Qt.TextFlag.TextWordWrap | label.alignment()
        need = label.fontMetrics().boundingRect(QRect(0, 0, room.width(), 10_000), flags, text)
        if need.height() > room.height() + SLACK_PX or need.width() > room.width() + SLACK_PX:
            yield text, f"{room.width()} x {room.height()} px for {need.width()} x {need.height()}"
        return
    width_px = _width(label, text)
    if width_px > room.width() + SLACK_PX and not _holds(label.toolTip(), text):
        yield text, f"{room.width()} px for {width_px}"


def _header_faults(header: QHeaderView) -> Iterator[tuple[str, str]]:
    model = header.model()
    if model is None or header.orientation() is not Qt.Orientation.Horizontal:
        return
    for section in range(header.count()):
        text = str(model.headerData(section, Qt.Orientation.Horizontal) or "")
        tip = str(model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) or "")
        room = header.sectionSize(section)
        if not header.isSectionHidden(section) and _width(header, text) > room and not _holds(tip, text):
            yield text, f"column title with {room} px"


def _cell_faults(view: QTableView | QTreeView) -> Iterator[tuple[str, str]]:
    model = view.model()
    if model is None:
        return
    for row in range(min(MAX_ROWS, model.rowCount())):
        for column in range(model.columnCount()):
            index = model.index(row, column)
            text = index.data(Qt.ItemDataRole.DisplayRole)
            rect = view.visualRect(index)
            if not isinstance(text, str) or not text or not view.viewport().rect().intersects(rect):
                continue
            tip = str(index.data(Qt.ItemDataRole.ToolTipRole) or "")
            if _width(view, text) + CELL_MARGIN_PX > rect.width() and not _holds(tip, text):
                yield text, f"cell with {rect.width()} px"


def _width(widget: QWidget, text: str) -> int:
    lines = text.replace("&&", "\0").replace("&", "").replace("\0", "&").split("\n")
    return max(widget.fontMetrics().horizontalAdvance(line) for line in lines)


def _holds(tip: str, text: str) -> bool:
    return text.strip() in tip
