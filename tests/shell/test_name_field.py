"""The field in which a group is named: only Tab completes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.shell.name_field import NameField


@pytest.fixture
def field(qtbot: QtBot) -> NameField:
    """A field on a canvas of its own."""
    view = CircuitView()
    qtbot.addWidget(view)
    view.resize(500, 400)
    with qtbot.waitActive(view):
        view.show()
        view.activateWindow()
    return NameField(view)


@pytest.mark.parametrize(
    ("typed", "keys", "accepted"),
    [
        ("Name", [], "Name"),  # 'Name Mover' is suggested, and not taken
        ("name", [Qt.Key.Key_Tab], "Name Mover"),
        ("Name", [Qt.Key.Key_Tab, Qt.Key.Key_Backspace], "Name Move"),
        ("Copy", [], "Copy"),
        ("Copy", [Qt.Key.Key_Home], "Copy"),
        ("", [], "Group 1"),
    ],
)
def test_return_accepts_what_was_typed_and_tab_completes(
    field: NameField, qtbot: QtBot, typed: str, keys: list[Qt.Key], accepted: str
) -> None:
    names: list[str] = []
    field.ask_name("Group 1", ["Name Mover", "Induction"], QPoint(100, 100), names.append)
    qtbot.keyClicks(field, typed)
    for key in keys:
        qtbot.keyClick(field, key)
    assert field.hasFocus()
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert names == [accepted] and not field.isVisible()
