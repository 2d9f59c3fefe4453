"""Typing a role: Enter keeps what was typed, only Tab completes, and classes ignore case."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import PanelHost
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.document import Label, set_label
from circuitviz.panels.labels.labels_table import ROLE_COLUMN, offered_roles
from circuitviz.scene.class_colours import class_colours, colour_in_theme
from circuitviz.scene.theme import DARK, LIGHT


@pytest.fixture
def labelled_host(idle_host: PanelHost, demo_file: Path) -> PanelHost:
    """The demo's circuit without its model."""
    idle_host.open_document(demo_file)
    return idle_host


def _heads(host: PanelHost) -> list[str]:
    return [name for name in host.workspace.state.circuit.node_names if ".h" in name]


def _texts(host: PanelHost) -> dict[str, str]:
    return {name: label.text for name, label in host.workspace.document.state.labels.items()}


def _press(field: QLineEdit, key: Qt.Key) -> None:
    """Press a key as the window system does: a popup that is open gets it first."""
    popup = QApplication.activePopupWidget()
    receiver: QWidget = popup if popup is not None else field
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        QApplication.sendEvent(receiver, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier))


def _field(host: PanelHost, place: str) -> QLineEdit:
    if place == "inspector":
        host.workspace.select_nodes({_heads(host)[0]})
        return host.show("inspector").label_field
    panel = host.show("labels")
    host.workspace.select_nodes({_heads(host)[0]})
    return panel.role_box.role_field


@pytest.mark.parametrize("place", ["inspector", "labels"])
def test_enter_keeps_what_was_typed(labelled_host: PanelHost, qtbot: QtBot, place: str) -> None:
    field = _field(labelled_host, place)
    field.setFocus()
    qtbot.keyClicks(field, "Mover")  # Name Mover and others are offered
    assert field.completer().popup().isVisible()
    assert field.text() == "Mover" and not field.selectedText()
    _press(field, Qt.Key.Key_Return)
    assert _texts(labelled_host) == {_heads(labelled_host)[0]: "Mover"}
    assert not field.completer().popup().isVisible()


@pytest.mark.parametrize("place", ["inspector", "labels"])
def test_tab_completes_and_the_next_tab_goes_on(labelled_host: PanelHost, qtbot: QtBot, place: str) -> None:
    field = _field(labelled_host, place)
    field.setFocus()
    qtbot.keyClicks(field, "prev")
    _press(field, Qt.Key.Key_Tab)
    assert field.text() == "Previous Token" and not field.completer().popup().isVisible()
    owner = field.parent() if isinstance(field.parent(), QComboBox) else field
    assert QApplication.focusWidget() in (field, owner)
    _press(field, Qt.Key.Key_Return)
    assert _texts(labelled_host) == {_heads(labelled_host)[0]: "Previous Token"}


def test_tab_takes_the_role_that_the_arrows_chose(labelled_host: PanelHost, qtbot: QtBot) -> None:
    field = _field(labelled_host, "inspector")
    field.setFocus()
    qtbot.keyClicks(field, "mover")
    offered = [field.completer().completionModel().index(row, 0).data() for row in range(3)]
    for _ in range(2):
        _press(field, Qt.Key.Key_Down)
    _press(field, Qt.Key.Key_Tab)
    assert field.text() == offered[1]


def test_a_class_is_one_in_any_case_and_has_one_colour(labelled_host: PanelHost, qtbot: QtBot) -> None:
    first, second, third, fourth = _heads(labelled_host)[:4]
    panel, workspace = labelled_host.show("labels"), labelled_host.workspace
    for node, text in ((first, "induction"), (second, "Induction"), (third, "INDUCTION"), (fourth, "Copy")):
        workspace.select_nodes({node})
        panel.role_box.role_field.selectAll()
        qtbot.keyClicks(panel.role_box.role_field, text)
        _press(panel.role_box.role_field, Qt.Key.Key_Return)
    assert _texts(labelled_host) == {
        first: "induction",
        second: "induction",
        third: "induction",
        fourth: "Copy",
    }
    assert workspace.state.nodes_by_label["induction"] == (first, second, third)
    offered = offered_roles(workspace)
    assert "induction" in offered and "Induction" not in offered  # one spelling, that in use
    workspace.apply_command(set_label(second, Label("Induction", "#00ff00")))  # as a file may have it

    def shown() -> dict[str, str]:
        model = panel.table_model
        cells = [model.index(row, ROLE_COLUMN) for row in range(model.rowCount())]
        return {model.targets[c.row()]: c.data(Qt.ItemDataRole.DecorationRole).name() for c in cells}

    colours = class_colours(workspace.state)
    assert shown() == {
        first: colours["induction"], second: colours["induction"], third: colours["induction"],
        fourth: colours["Copy"],
    }  # fmt: skip
    panel.set_colour([third], "#123456")  # one of the class: all of it
    assert {shown()[node] for node in (first, second, third)} == {"#123456"}
    assert shown()[fourth] == colours["Copy"]
    workspace.undo_stack.undo()
    assert shown()[first] == colours["induction"]
    panel.set_theme(DARK)
    assert shown()[first] == colour_in_theme(colours["induction"], DARK) != colours["induction"]


def test_the_inspector_gives_each_new_class_a_colour_of_its_own(
    labelled_host: PanelHost, qtbot: QtBot
) -> None:
    inspector, heads = labelled_host.show("inspector"), _heads(labelled_host)[:3]
    for node, text in zip(heads, ("Copy", "Mover", "copy"), strict=True):
        labelled_host.workspace.select_nodes({node})
        qtbot.keyClicks(inspector.label_field, text)
        _press(inspector.label_field, Qt.Key.Key_Return)
    labels = labelled_host.workspace.document.state.labels
    assert [labels[node].text for node in heads] == ["Copy", "Mover", "Copy"]
    assert labels[heads[0]].colour == labels[heads[2]].colour != labels[heads[1]].colour
    for theme in (LIGHT, DARK):
        inspector.set_theme(theme)
        assert colour_in_theme(labels[heads[0]].colour, theme) in inspector.colour_button.styleSheet()


def test_the_row_of_the_selected_node_is_selected_once_it_has_a_label(labelled_host: PanelHost) -> None:
    panel, workspace = labelled_host.show("labels"), labelled_host.workspace
    first, second = _heads(labelled_host)[:2]
    workspace.select_nodes({first})
    assert panel.evidence_box.title_label.text() == "Select a label"
    workspace.apply_command(set_label(first, Label("Mover")))  # by the inspector, say
    assert panel.selected_targets() == [first] and panel.evidence_box.target == first
    workspace.select_nodes({second})
    workspace.apply_command(set_label(second, Label("Inhibitor")))
    assert panel.selected_targets() == [second] and workspace.selected_nodes == {second}
    assert panel.evidence_box.target == second
