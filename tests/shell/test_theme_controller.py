"""Text follows the size that the system asks for."""

from __future__ import annotations

from opening import LONG
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow


def test_text_follows_the_system_while_running(window: MainWindow, qtbot: QtBot) -> None:
    value, before = window.panels["meter"].value_label, QApplication.font()
    small = QFontInfo(value.font()).pixelSize()
    field = window.panels["edges"].edges_field.width()
    larger = QApplication.font()
    larger.setPointSizeF(1.5 * before.pointSizeF())
    try:
        QApplication.setFont(larger)  # as Qt does when the system's text size changes
        qtbot.waitUntil(lambda: QFontInfo(value.font()).pixelSize() > 1.3 * small, timeout=LONG)
        qtbot.waitUntil(lambda: window.panels["edges"].edges_field.width() > 1.3 * field, timeout=LONG)
    finally:
        QApplication.setFont(before)
    qtbot.waitUntil(lambda: QFontInfo(value.font()).pixelSize() == small, timeout=LONG)
