"""The Inspector: strongest edges, labels that are typed, and which of two circuits has a selection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import (
    ROLES,
    Document,
    Label,
    State,
    collapse_groups,
    group_nodes,
    set_label,
    toggle_ablation,
)
from circuitviz.formats import save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.graph.edge_words import edge_in_words
from circuitviz.panels.inspector.node_edge_lists import MAX_LISTED_EDGES

GRAPH = Graph.transformer(ModelShape(4, 8, 128))


SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")


@pytest.fixture
def small_host(idle_host: PanelHost) -> PanelHost:
    """A circuit of a model that is not there."""
    idle_host.workspace.set_document(Document(State(None, SCORES, SCORES.greedy(200))))
    return idle_host


@pytest.fixture
def overlaid_host(idle_host: PanelHost, qtbot: QtBot, tmp_path: Path) -> PanelHost:
    """Two circuits on one canvas."""
    comparison = idle_host.workspace.comparison
    idle_host.workspace.set_document(Document(State(None, ONE, HERE)))
    save_document(Document(State(None, TWO, THERE)), tmp_path / OTHER)
    comparison.add_file(tmp_path / OTHER)
    qtbot.waitUntil(lambda: comparison.chosen_document is not None, timeout=LONG)
    comparison.set_overlaid(True)
    return idle_host


def test_the_inspector_lists_the_strongest_edges_and_suggests_roles(
    small_host: PanelHost, qtbot: QtBot
) -> None:
    inspector, workspace = small_host.show("inspector"), small_host.workspace
    inspector.resize(420, 2000)  # all of it is in view
    lists = inspector.node_edge_lists
    for node in ("m1", "a2.h1", "logits"):
        workspace.set_selection(frozenset({node}), frozenset())
        strength = {e: abs(SCORES.values[SCORES.graph.edge(e)]) for e in workspace.state.circuit.edge_names}
        into = sorted((e for e in strength if owner(e) == node), key=lambda e: -strength[e])
        out = sorted((e for e in strength if e.partition("->")[0] == node), key=lambda e: -strength[e])
        total = sum(strength[e] for e in into + out)
        for edge_list, edges in ((lists.incoming, into), (lists.outgoing, out)):
            buttons = [button for button in edge_list.edge_buttons if button.isVisible()]
            assert [button.toolTip() for button in buttons] == edges[: len(buttons)]
            assert len(buttons) == min(len(edges), MAX_LISTED_EDGES)
            assert [button.text() for button in buttons] == [edge_in_words(e) for e in edges[: len(buttons)]]
            assert [edge.share for edge in edge_list.edges] == pytest.approx(
                [strength[e] / total for e in edges]
            )
            if edges:
                assert (
                    f"{100 * sum(strength[e] for e in edges) / total:.0f} %" in edge_list.heading_label.text()
                )
    assert len(into) > MAX_LISTED_EDGES and not out
    last = lists.incoming.edge_buttons[-1]
    qtbot.mouseClick(lists.incoming.all_button, Qt.MouseButton.LeftButton)
    assert [button.toolTip() for button in lists.incoming.edge_buttons if button.isVisible()] == into
    qtbot.mouseClick(lists.incoming.all_button, Qt.MouseButton.LeftButton)
    assert last.isVisible() and not lists.incoming.edge_buttons[-1].isVisible()
    workspace.apply_command(toggle_ablation(frozenset({into[1].partition("->")[0]})))
    dimmed = [e.name for e in lists.incoming.edges if e.is_ablated]
    assert dimmed == [e for e in into if e.partition("->")[0] == into[1].partition("->")[0]]
    assert lists.incoming.edge_buttons[1].property("dimmed")
    assert not lists.incoming.edge_buttons[0].property("dimmed")
    qtbot.mouseClick(lists.incoming.edge_buttons[0], Qt.MouseButton.LeftButton)
    assert workspace.selected_edges == {into[0]}
    assert inspector.title_label.text() == edge_in_words(into[0])
    assert inspector.title_label.toolTip() == into[0]
    workspace.apply_command(set_label("m2", Label("Copies the subject")))
    workspace.set_selection(frozenset({"m1"}), frozenset())
    qtbot.keyClicks(inspector.label_field, "mov")
    completer = inspector.label_field.completer()
    offered = [completer.completionModel().index(row, 0).data() for row in range(completer.completionCount())]
    assert offered == [role for role in ROLES if "mov" in role.lower()] and offered
    inspector.label_field.clear()
    qtbot.keyClicks(inspector.label_field, "subj")
    assert completer.currentCompletion() == "Copies the subject"
    completer.popup().hide()


def owner(edge: str) -> str:
    return edge.partition("->")[2].partition("<")[0]


def test_nothing_of_the_node_selected_before_is_shown_with_another_document(small_host: PanelHost) -> None:
    node = next(iter(small_host.workspace.state.circuit.node_names))
    small_host.workspace.set_selection(frozenset({node}), frozenset())
    inspector = small_host.show("inspector")
    assert inspector.node == node and inspector.body.isVisibleTo(inspector)
    told: list[frozenset[str]] = []
    small_host.workspace.selection_changed.connect(lambda: told.append(small_host.workspace.selected_nodes))
    graph = Graph.transformer(ModelShape(2, 4, 64))
    scores = Scores(graph, np.random.default_rng(4).normal(size=graph.mask.shape), "eap")
    small_host.workspace.set_document(Document(State(None, scores, scores.greedy(30))))
    assert told == [frozenset()] and not small_host.workspace.selected_nodes
    assert not inspector.node and not inspector.body.isVisibleTo(inspector)
    assert inspector.title_label.text() == "Nothing selected"


ONE, TWO = (Scores(GRAPH, np.random.default_rng(s).normal(size=GRAPH.mask.shape), "eap") for s in (3, 4))


HERE, THERE = ONE.greedy(60), TWO.greedy(60)


OTHER = "other.circuit"


def test_the_inspector_says_which_circuit_has_an_edge(overlaid_host: PanelHost, qtbot: QtBot) -> None:
    workspace, inspector = overlaid_host.workspace, overlaid_host.show("inspector")
    ours, theirs = set(HERE.edge_names), set(THERE.edge_names)
    score = {e: (ONE.values[GRAPH.edge(e)], TWO.values[GRAPH.edge(e)]) for e in ours | theirs}

    def said(*edges: str) -> str:
        workspace.set_selection(frozenset(), frozenset(edges))
        return str(inspector.description_label.text())

    alone, shared, own = min(theirs - ours), min(ours & theirs), min(ours - theirs)
    for part in ("Only", OTHER, f"{score[alone][1]:+.4f}".replace("-", "−"), "cannot be ablated"):
        assert part in said(alone)
    first = workspace.document.state
    overlaid_host.run_command("ablate")
    assert workspace.document.state is first and not workspace.undo_stack.canUndo()
    assert "Nothing selected" in overlaid_host.messages[-1]
    for part in (
        "both",
        f"{score[shared][0]:+.4f}".replace("-", "−"),
        f"{score[shared][1]:+.4f} in {OTHER}".replace("-", "−"),
        "A ablates",
    ):
        assert part in said(shared)
    for part in ("Only here", f"{score[own][0]:+.4f}".replace("-", "−"), "A ablates"):
        assert part in said(own)
    assert said(alone, own).startswith("1 of them") and f"only in {OTHER}" in said(alone, own)
    overlaid_host.run_command("ablate")
    assert workspace.document.state.ablated_edges == {own}
    workspace.undo_stack.undo()
    assert OTHER in said(*sorted(theirs - ours)[:2]) and "cannot be ablated" in said(
        *sorted(theirs - ours)[:2]
    )
    workspace.comparison.set_overlaid(False)
    assert said(own).startswith(f"score {score[own][0]:+.4f}".replace("-", "−")) and OTHER not in said(own)


def test_the_inspector_says_which_circuit_has_a_node(overlaid_host: PanelHost, qtbot: QtBot) -> None:
    workspace, inspector = overlaid_host.workspace, overlaid_host.show("inspector")
    alone = next(n for n in THERE.node_names if n not in HERE.node_names)
    own = next(n for n in HERE.node_names if n not in THERE.node_names)
    workspace.set_selection(frozenset({alone}), frozenset())
    assert inspector.description_label.text().endswith(f"only in {OTHER}")
    edges = [
        e for e in THERE.edge_names if alone in (e.partition("->")[0], e.partition("->")[2].partition("<")[0])
    ]
    strongest = max(edges, key=lambda e: abs(TWO.values[GRAPH.edge(e)]))
    lists = (inspector.node_edge_lists.incoming, inspector.node_edge_lists.outgoing)
    first = max((edges.edges[0] for edges in lists if edges.edges), key=lambda edge: abs(edge.score))
    assert (first.name, first.score) == (strongest, TWO.values[GRAPH.edge(strongest)])
    overlaid_host.run_command("ablate")
    assert not workspace.document.state.ablated_nodes
    workspace.set_selection(frozenset({alone, own}), frozenset())
    assert inspector.description_label.text().startswith("1 of them")
    assert f"only in {OTHER}" in inspector.description_label.text()
    overlaid_host.run_command("ablate")
    assert workspace.document.state.ablated_nodes == {own}
    workspace.undo_stack.undo()
    workspace.set_selection(frozenset({own}), frozenset())
    assert "only in" not in inspector.description_label.text()


def test_a_selected_box_is_called_by_its_name(overlaid_host: PanelHost, qtbot: QtBot) -> None:
    workspace, inspector = overlaid_host.workspace, overlaid_host.show("inspector")
    workspace.comparison.set_overlaid(False)
    heads = [n for n in HERE.node_names if n.startswith("a1.")][:3]
    workspace.apply_command(group_nodes("Movers", frozenset(heads)))
    workspace.apply_command(collapse_groups(["Movers"]))
    workspace.set_selection(frozenset(heads), frozenset())  # as the canvas does for a collapsed group
    assert inspector.title_label.text() == "Movers: 3 nodes"
    workspace.set_selection(frozenset(heads[:2]), frozenset())
    assert inspector.title_label.text() == "2 nodes selected"


def labels(host: PanelHost) -> dict[str, str]:
    return {name: label.text for name, label in host.workspace.document.state.labels.items()}


def test_a_label_that_is_typed_goes_to_no_other_node(small_host: PanelHost, qtbot: QtBot) -> None:
    line = small_host.show("inspector").label_field
    first, second, third = [n for n in small_host.workspace.state.circuit.node_names if ".h" in n][:3]
    small_host.workspace.set_selection(frozenset({first}), frozenset())
    small_host.run_command("label")
    assert line.hasFocus()
    qtbot.keyClicks(line, "Mover")
    small_host.workspace.set_selection(
        frozenset({second}), frozenset()
    )  # as F3 does, which leaves the focus where it is
    assert labels(small_host) == {first: "Mover"} and line.text() == ""
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert labels(small_host) == {first: "Mover"}

    # undo is seen in the field, and Escape takes back what was typed
    small_host.workspace.set_selection(frozenset({first}), frozenset())
    assert line.text() == "Mover"
    qtbot.keyClicks(line, " of names")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "Mover" and labels(small_host) == {first: "Mover"}
    small_host.workspace.undo_stack.undo()
    assert labels(small_host) == {} and line.text() == ""

    # nothing is selected any more: what was typed is still of the node
    small_host.workspace.set_selection(frozenset({third}), frozenset())
    qtbot.keyClicks(line, "Inhibitor")
    small_host.workspace.set_selection(frozenset(), frozenset())
    assert labels(small_host) == {third: "Inhibitor"}
