"""The buttons: words where they fit, else signs, in two lines where it is narrower still; nothing is cut."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QMenu, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.panels.prompt_editor.editor_toolbar import EditorToolbar
from circuitviz.panels.widgets.layouts import lay_out_column


@pytest.mark.parametrize("points", [9, 14])
def test_no_button_is_cut_at_any_width(qtbot: QtBot, points: int) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    menu = QMenu(window)
    toolbar = EditorToolbar(menu)
    lay_out_column(toolbar, parent=window)
    font = window.font()
    font.setPointSize(points)
    window.setFont(font)
    window.show()
    texts = []
    for width in (2000, toolbar.minimumSizeHint().width() + 5):
        window.resize(width, 60)
        qtbot.waitUntil(lambda width=width: abs(toolbar.width() - width) <= 5)
        QApplication.processEvents()  # which lays out the row again
        buttons = toolbar.findChildren(QToolButton)
        corners = {button: button.mapTo(toolbar, QPoint()) for button in buttons}
        line, right = None, 0
        tops = {button: button.parentWidget().mapTo(toolbar, QPoint()).y() for button in buttons}
        for button in sorted(buttons, key=lambda b: (tops[b], corners[b].x())):
            right = right if tops[button] == line else 0
            line = tops[button]
            assert button.width() >= button.sizeHint().width() and corners[button].x() >= right
            assert button.accessibleName() and button.toolTip()
            right = corners[button].x() + button.width() - 1
            assert right <= toolbar.width()
        texts.append(toolbar.duplicate_button.text())
    assert texts == ["Duplicate", "×2"]
