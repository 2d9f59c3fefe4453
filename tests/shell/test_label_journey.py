"""A label that is typed stays with its document, whatever search or undo leads to."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.shell.main_window import MainWindow


def labels(window: MainWindow) -> dict[str, str]:
    return {name: label.text for name, label in window.workspace.document.state.labels.items()}


def test_a_label_that_is_typed_stays_with_its_document(window: MainWindow, qtbot: QtBot) -> None:
    """When a search's circuit arrives meanwhile, and when an undo leads to another document."""
    line = window.panels["inspector"].label_field
    first = next(n for n in window.workspace.state.circuit.node_names if ".h" in n)
    before = window.workspace.document
    window.view.select({first})
    qtbot.keyClicks(line, "Mover")
    window.workspace.document_switcher.announce_leaving()  # as the result of a search does
    other = Document(State(None, before.state.scores, before.state.circuit))
    window.workspace.document_switcher.push_document(other, "Find another circuit")
    assert {name: label.text for name, label in before.state.labels.items()} == {first: "Mover"}
    assert labels(window) == {} and window.workspace.document is other

    window.view.select({first})
    qtbot.keyClicks(line, "Inhibitor")
    window.menus.actions["undo"].trigger()  # takes back the typing, as a step of its own
    assert window.workspace.document is other and labels(window) == {} and line.text() == ""
    window.menus.actions["redo"].trigger()
    assert labels(window) == {first: "Inhibitor"}
    window.menus.actions["undo"].trigger()
    window.menus.actions["undo"].trigger()
    assert window.workspace.document is before and labels(window) == {first: "Mover"}
