"""While two circuits are shown, what is said of a selection and done to it knows which circuit has it."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, collapse_groups, group_nodes
from circuitviz.formats import save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
ONE, TWO = (Scores(GRAPH, np.random.default_rng(s).normal(size=GRAPH.mask.shape), "eap") for s in (3, 4))
HERE, THERE = ONE.greedy(60), TWO.greedy(60)
OTHER = "other.circuit"


@pytest.fixture
def window(open_window, qtbot: QtBot, tmp_path) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(Document(State(None, ONE, HERE)))
    save_document(Document(State(None, TWO, THERE)), tmp_path / OTHER)
    made.workspace.comparison.add_file(tmp_path / OTHER)
    qtbot.waitUntil(lambda: made.workspace.comparison.chosen_document is not None, timeout=90_000)
    made.workspace.comparison.set_overlaid(True)
    return made


def test_the_inspector_says_which_circuit_has_an_edge(window: MainWindow, qtbot: QtBot) -> None:
    desk, inspector = window.workspace, window.panels["inspector"]
    ours, theirs = set(HERE.edge_names), set(THERE.edge_names)
    score = {e: (ONE.values[GRAPH.edge(e)], TWO.values[GRAPH.edge(e)]) for e in ours | theirs}

    def said(*edges: str) -> str:
        desk.set_selection(frozenset(), frozenset(edges))
        return str(inspector.description_label.text())

    alone, shared, own = min(theirs - ours), min(ours & theirs), min(ours - theirs)
    for part in ("Only", OTHER, f"{score[alone][1]:+.4f}", "cannot be ablated"):
        assert part in said(alone)
    first = desk.document.state
    window.run_command("ablate")
    assert desk.document.state is first and not desk.undo_stack.canUndo()
    assert "Nothing selected" in window.status_line.message_label.text()
    for part in ("both", f"{score[shared][0]:+.4f}", f"{score[shared][1]:+.4f} in {OTHER}", "A ablates"):
        assert part in said(shared)
    for part in ("Only here", f"{score[own][0]:+.4f}", "A ablates"):
        assert part in said(own)
    assert said(alone, own).startswith("1 of them") and f"only in {OTHER}" in said(alone, own)
    window.run_command("ablate")
    assert desk.document.state.ablated_edges == {own}
    desk.undo_stack.undo()
    assert OTHER in said(*sorted(theirs - ours)[:2]) and "cannot be ablated" in said(
        *sorted(theirs - ours)[:2]
    )
    desk.comparison.set_overlaid(False)
    assert said(own).startswith(f"score {score[own][0]:+.4f}") and OTHER not in said(own)


def test_the_inspector_says_which_circuit_has_a_node(window: MainWindow, qtbot: QtBot) -> None:
    desk, inspector = window.workspace, window.panels["inspector"]
    alone = next(n for n in THERE.node_names if n not in HERE.node_names)
    own = next(n for n in HERE.node_names if n not in THERE.node_names)
    desk.set_selection(frozenset({alone}), frozenset())
    assert inspector.description_label.text().endswith(f"only in {OTHER}")
    edges = [
        e for e in THERE.edge_names if alone in (e.partition("->")[0], e.partition("->")[2].partition("<")[0])
    ]
    strongest = max(edges, key=lambda e: abs(TWO.values[GRAPH.edge(e)]))
    assert inspector.edge_buttons[0].text() == f"{TWO.values[GRAPH.edge(strongest)]:+.4f}   {strongest}"
    window.run_command("ablate")
    assert not desk.document.state.ablated_nodes
    desk.set_selection(frozenset({alone, own}), frozenset())
    assert inspector.description_label.text().startswith("1 of them")
    assert f"only in {OTHER}" in inspector.description_label.text()
    window.run_command("ablate")
    assert desk.document.state.ablated_nodes == {own}
    desk.undo_stack.undo()
    desk.set_selection(frozenset({own}), frozenset())
    assert "only in" not in inspector.description_label.text()


def test_a_selected_box_is_called_by_its_name(window: MainWindow, qtbot: QtBot) -> None:
    desk, inspector = window.workspace, window.panels["inspector"]
    desk.comparison.set_overlaid(False)
    heads = [n for n in HERE.node_names if n.startswith("a1.")][:3]
    desk.apply_command(group_nodes("Movers", frozenset(heads)))
    desk.apply_command(collapse_groups(["Movers"]))
    window.view.select({"Movers"})
    assert inspector.title_label.text() == "Movers: 3 nodes"
    desk.set_selection(frozenset(heads[:2]), frozenset())
    assert inspector.title_label.text() == "2 nodes selected"
