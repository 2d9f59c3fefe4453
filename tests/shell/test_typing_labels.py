"""What is typed for a node stays that node's, wherever the selection goes; and the palette outlives a form."""

from __future__ import annotations

from opening import LONG
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.shell.main_window import MainWindow


def labels(window: MainWindow) -> dict[str, str]:
    return {name: label.text for name, label in window.workspace.document.state.labels.items()}


def test_a_label_that_is_typed_goes_to_no_other_node(window: MainWindow, qtbot: QtBot) -> None:
    line = window.panels["inspector"].label_field
    first, second, third = [n for n in window.workspace.state.circuit.node_names if ".h" in n][:3]
    window.view.select({first})
    window.menus.actions["label"].trigger()
    qtbot.keyClicks(line, "Mover")
    window.workspace.set_selection(
        frozenset({second}), frozenset()
    )  # as F3 does, which leaves the focus where it is
    assert labels(window) == {first: "Mover"} and line.text() == ""
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert labels(window) == {first: "Mover"}

    # undo is seen in the field, and Escape takes back what was typed
    window.workspace.set_selection(frozenset({first}), frozenset())
    assert line.text() == "Mover"
    qtbot.keyClicks(line, " of names")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "Mover" and labels(window) == {first: "Mover"}
    window.workspace.undo_stack.undo()
    assert labels(window) == {} and line.text() == ""

    # nothing is selected any more: what was typed is still of the node
    window.workspace.set_selection(frozenset({third}), frozenset())
    qtbot.keyClicks(line, "Inhibitor")
    window.workspace.set_selection(frozenset(), frozenset())
    assert labels(window) == {third: "Inhibitor"}


def test_the_palette_is_left_though_the_field_before_it_is_gone(window: MainWindow, qtbot: QtBot) -> None:
    form = window.panels["discovery"]
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)  # the worker lists the methods
    form.method_box.setCurrentText("eap-ig")
    next(iter(form.option_form.fields.values())).setFocus()
    window.command_palette.open_palette()
    form.method_box.setCurrentText("acdc")  # its options have fields of their own
    window.command_palette.close_palette()
    assert not window.command_palette.isVisible()


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
