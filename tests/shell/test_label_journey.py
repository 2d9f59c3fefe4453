"""A label that is typed stays with its document, whichever tab comes to the front."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, move_nodes
from circuitviz.shell.main_window import MainWindow


def labels(window: MainWindow) -> dict[str, str]:
    return {name: label.text for name, label in window.workspace.document.state.labels.items()}


def test_a_label_that_is_typed_stays_with_its_document(window: MainWindow, qtbot: QtBot) -> None:
    """Where another tab comes to the front meanwhile, and where it comes back."""
    line = window.panels["inspector"].label_field
    first = next(n for n in window.workspace.state.circuit.node_names if ".h" in n)
    before, tab = window.workspace.document, window.workspace.tabs.front
    window.view.select({first})
    qtbot.keyClicks(line, "Mover")
    other = Document(State(None, before.state.scores, before.state.circuit))
    window.workspace.set_document(other)
    assert {name: label.text for name, label in before.state.labels.items()} == {first: "Mover"}
    assert labels(window) == {} and window.workspace.document is other

    window.workspace.apply_command(move_nodes({first: (1.0, 2.0)}))  # there is something to undo
    window.view.select({first})
    qtbot.keyClicks(line, "Inhibitor")
    window.menus.actions["undo"].trigger()  # takes back the typing, as a step of its own
    assert window.workspace.document is other and labels(window) == {} and line.text() == ""
    window.menus.actions["redo"].trigger()
    assert labels(window) == {first: "Inhibitor"}
    window.workspace.tab_controller.show(tab)
    assert window.workspace.document is before and labels(window) == {first: "Mover"}
    window.menus.actions["undo"].trigger()
    assert labels(window) == {}
