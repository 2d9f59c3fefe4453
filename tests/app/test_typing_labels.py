"""What is typed for a node stays that node's, wherever the selection goes; and the palette outlives a form."""

from __future__ import annotations

from opening import LONG
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.app.window import MainWindow
from circuitviz.session import Document, State


def labels(window: MainWindow) -> dict[str, str]:
    return {name: label.text for name, label in window.desk.document.state.labels.items()}


def test_a_label_that_is_typed_goes_to_no_other_node(window: MainWindow, qtbot: QtBot) -> None:
    line = window.panels["inspector"].label
    first, second, third = [n for n in window.desk.state.circuit.node_names if ".h" in n][:3]
    window.view.select({first})
    window.chrome.actions["label"].trigger()
    qtbot.keyClicks(line, "Mover")
    window.desk.select(frozenset({second}), frozenset())  # as F3 does, which leaves the focus where it is
    assert labels(window) == {first: "Mover"} and line.text() == ""
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert labels(window) == {first: "Mover"}

    # undo is seen in the field, and Escape takes back what was typed
    window.desk.select(frozenset({first}), frozenset())
    assert line.text() == "Mover"
    qtbot.keyClicks(line, " of names")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "Mover" and labels(window) == {first: "Mover"}
    window.desk.undo.undo()
    assert labels(window) == {} and line.text() == ""

    # nothing is selected any more: what was typed is still of the node
    window.desk.select(frozenset({third}), frozenset())
    qtbot.keyClicks(line, "Inhibitor")
    window.desk.select(frozenset(), frozenset())
    assert labels(window) == {third: "Inhibitor"}


def test_the_palette_is_left_though_the_field_before_it_is_gone(window: MainWindow, qtbot: QtBot) -> None:
    form = window.panels["discovery"]
    qtbot.waitUntil(lambda: form.method.count() > 1, timeout=LONG)  # the worker lists the methods
    form.method.setCurrentText("eap-ig")
    next(iter(form.options.fields.values())).setFocus()
    window.palette_.open()
    form.method.setCurrentText("acdc")  # its options have fields of their own
    window.palette_.leave()
    assert not window.palette_.isVisible()


def test_a_label_that_is_typed_stays_with_its_document(window: MainWindow, qtbot: QtBot) -> None:
    """When a search's circuit arrives meanwhile, and when an undo leads to another document."""
    line = window.panels["inspector"].label
    first = next(n for n in window.desk.state.circuit.node_names if ".h" in n)
    before = window.desk.document
    window.view.select({first})
    qtbot.keyClicks(line, "Mover")
    window.desk.documents.leave()  # as the result of a search does
    other = Document(State(None, before.state.scores, before.state.circuit))
    window.desk.documents.turn_to(other, "Find another circuit")
    assert {name: label.text for name, label in before.state.labels.items()} == {first: "Mover"}
    assert labels(window) == {} and window.desk.document is other

    window.view.select({first})
    qtbot.keyClicks(line, "Inhibitor")
    window.chrome.actions["undo"].trigger()  # takes back the typing, as a step of its own
    assert window.desk.document is other and labels(window) == {} and line.text() == ""
    window.chrome.actions["redo"].trigger()
    assert labels(window) == {first: "Inhibitor"}
    window.chrome.actions["undo"].trigger()
    window.chrome.actions["undo"].trigger()
    assert window.desk.document is before and labels(window) == {first: "Mover"}
