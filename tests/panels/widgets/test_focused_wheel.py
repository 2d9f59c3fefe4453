"""Combo boxes: the rows of their lists."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.canvas.stylesheet import stylesheet
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.scene.theme import DARK, LIGHT


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_rows_of_a_list_are_half_as_high_again_as_their_text(qtbot: QtBot, theme) -> None:
    box = ComboBox()
    qtbot.addWidget(box)
    box.setStyleSheet(stylesheet(theme))
    box.addItems(["eap", "eap-ig", "relp"])
    box.show()
    box.showPopup()
    QApplication.processEvents()
    rows = [box.view().visualRect(box.model().index(i, 0)) for i in range(3)]
    text_height = box.view().fontMetrics().height()
    assert all(row.height() >= 1.5 * text_height for row in rows)
    assert rows[1].top() >= rows[0].bottom() and rows[2].top() >= rows[1].bottom()
