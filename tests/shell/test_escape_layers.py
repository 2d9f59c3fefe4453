"""Escape closes what is on top."""

from __future__ import annotations

import pytest
from opening import LONG
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow

TAB = Qt.FocusPolicy.TabFocus


def test_escape_closes_one_layer_after_another(window: MainWindow, qtbot: QtBot) -> None:
    places, node = window.dock_manager.places_view, window.workspace.state.circuit.node_names[0]
    window.dock_manager.bring_to_front("edges")
    window.workspace.select_nodes({node})
    window.find_bar.open_card()
    window.open_palette()
    qtbot.keyClick(window.command_palette.query_field, Qt.Key.Key_Escape)
    assert not window.command_palette.isVisible() and window.find_bar.isVisible()
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert not window.find_bar.isVisible() and window.workspace.selected_nodes == {node}
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert not window.workspace.selected_nodes and places.open_place == "circuit"
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert places.open_place == ""


@pytest.mark.parametrize("name", ["filters", "paths", "labels"])
def test_escape_in_a_panel_closes_its_place(window: MainWindow, qtbot: QtBot, name: str) -> None:
    window.dock_manager.bring_to_front(name)
    QApplication.processEvents()
    panel = window.panels[name]
    field = next(
        w for w in panel.findChildren(QWidget) if w.focusPolicy() & TAB and w.isVisible() and w.isEnabled()
    )
    field.setFocus()
    qtbot.waitUntil(lambda: panel.isAncestorOf(QApplication.focusWidget()), timeout=LONG)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert window.dock_manager.places_view.open_place == ""
    assert window.view.hasFocus()


def test_escape_in_a_typed_label_discards_it_and_closes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    window.dock_manager.bring_to_front("edges")
    window.workspace.select_nodes({window.workspace.state.circuit.node_names[1]})
    field = window.panels["inspector"].label_field
    field.setFocus()
    qtbot.keyClicks(field, "mover")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "" and window.dock_manager.places_view.open_place == "circuit"
