"""A panel is one file: a widget made from the desk, with a title and a place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from circuitviz.canvas.theme import Theme
from circuitviz.panels.desk import Desk
from circuitviz.registry import Registry


class Panel(QWidget):
    """What every panel is: made from the desk, told of the theme."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.desk = desk

    def set_theme(self, theme: Theme) -> None:
        """Take over colours that neither palette nor style sheet can give."""


panels: Registry[Callable[[Desk], Panel]] = Registry("panel", "circuitviz.panels", "circuitviz.panels")
"""Registered with ``title`` and ``area`` (left, right, bottom) and ``order``."""
