"""Widgets that paint with colours which neither palette nor style sheet sets."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from circuitviz.scene.theme import LIGHT, Theme


class ThemedWidget(QWidget):
    """A widget that is painted in the colours of ``theme``; its panel tells it of another theme."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme: Theme = LIGHT

    def set_theme(self, theme: Theme) -> None:
        """Paint in other colours."""
        self.theme = theme
        self.update()


def apply_theme(widget: QWidget, theme: Theme) -> None:
    """Tell every themed part of a widget of a theme."""
    for part in widget.findChildren(ThemedWidget):
        part.set_theme(theme)
