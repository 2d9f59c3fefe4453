"""Whatever is done is undone exactly, and what was measured is remembered."""

from __future__ import annotations

import random

import numpy as np

from circuitviz.document import (
    AppliedCommand,
    Document,
    Label,
    State,
    move_nodes,
    replace_circuit,
    restore_ablation,
    restore_all,
    select_edges,
    set_intervention,
    set_label,
    toggle_ablation,
)
from circuitviz.graph import Circuit, Graph, Intervention, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")


def test_random_commands_are_undone_one_by_one() -> None:
    for seed in range(20):
        pick, document = random.Random(seed), Document(State(None, SCORES, SCORES.greedy(40)))
        names = [n.name for n in GRAPH.nodes]
        edges = GRAPH.edge_names(GRAPH.mask)
        changes: list[AppliedCommand] = []
        hashes = [document.state.hash]
        for _ in range(30):
            command = pick.choice(
                [
                    toggle_ablation(pick.sample(names, 2), pick.sample(edges, 1)),
                    set_label(pick.choice(names), Label(str(pick.random()))),
                    set_label(pick.choice(names), None),
                    move_nodes({pick.choice(names): (pick.random(), 1.0)}),
                    select_edges(SCORES.greedy(n := pick.randrange(1, 80)), "greedy", n),
                    replace_circuit(SCORES.top(50), SCORES, None, "Find"),
                    restore_all(),
                    set_intervention(pick.sample(names, 2), Intervention("scale", pick.random(), (0, -1))),
                    set_intervention(pick.sample(names, 2), Intervention("mean")),
                    set_intervention(pick.sample(names, 2), None),
                    restore_ablation(pick.sample(names, 2), [], {"m0": Intervention("zero")}),
                ]
            )
            changes.append(document.apply_command(command))
            hashes.append(document.state.hash)
        for change, before in zip(reversed(changes), reversed(hashes[:-1]), strict=True):
            document.set_state(change.before)
            assert document.state.hash == before
        for change, after in zip(changes, hashes[1:], strict=True):
            document.set_state(change.after)
            assert document.state.hash == after


def test_toggling_takes_out_and_puts_back() -> None:
    document = Document(State(None, SCORES, SCORES.greedy(40)))
    node = next(n for n in document.state.circuit.node_names if n.startswith("a"))
    row = GRAPH.sender_index[node]
    document.apply_command(toggle_ablation([node, "logits"]))
    assert document.state.ablated_nodes == {node}
    assert not document.state.live_circuit.edges[row].any() and document.state.circuit.edges[row].any()
    document.apply_command(toggle_ablation([node]))
    assert document.state.live_circuit == document.state.circuit


def test_what_a_node_writes_is_measured_only_while_it_is_in() -> None:
    document = Document(State(None, SCORES, SCORES.greedy(40)))
    plain = document.state.measurement_key
    document.apply_command(set_intervention(["m0", "logits", "input"], Intervention("scale", 0.5)))
    assert set(document.state.interventions) == {"m0"} and document.state.measurement_key != plain
    half = document.state.measurement_key
    document.apply_command(toggle_ablation(["m0"]))
    assert document.state.active_interventions == {} and document.state.measurement_key not in (plain, half)
    document.apply_command(toggle_ablation(["m0"]))
    assert document.state.measurement_key == half
    assert [entry.get("changed") for entry in document.history][-1] == {"m0": ["scale", 0.5, []]}
    document.apply_command(restore_all())
    assert document.state.measurement_key == plain and document.state.is_unmodified
    document.apply_command(
        restore_ablation(["m1", "gone"], ["m0->m1", "m9->x"], {"m0": Intervention("zero")})
    )
    assert document.state.ablated_nodes == {"m1"} and document.state.ablated_edges == {"m0->m1"}


def test_the_name_of_a_group_or_class_stands_for_its_nodes() -> None:
    document = Document(State(None, SCORES, SCORES.greedy(40)))
    document.apply_command(set_label("a0.h1", Label("Early")))
    document.apply_command(set_label("a0.h2", Label("Early")))
    document.apply_command(toggle_ablation(["class:Early"]))
    assert document.state.ablated_nodes == {"a0.h1", "a0.h2"}
    document.apply_command(set_intervention(["Early"], Intervention("mean")))
    assert set(document.state.interventions) == {"a0.h1", "a0.h2"}
    assert not document.state.ablated_nodes


def test_numbers_belong_to_the_state_they_were_measured_in() -> None:
    document = Document(State(None, SCORES, SCORES.greedy(40)))
    document.store_evaluation(document.state.measurement_key, {"v": 1})
    change = document.apply_command(toggle_ablation(["m0"]))
    assert document.evaluation is None
    document.store_evaluation(document.state.measurement_key, {"v": 2})
    document.apply_command(set_label("m0", Label("x")))
    assert document.evaluation == {"v": 2}  # a label changes no number
    document.set_state(change.before)
    assert document.evaluation == {"v": 1}


def test_dirty_follows_the_saved_state(tmp_path) -> None:  # type: ignore[no-untyped-def]
    document = Document(State(None, SCORES, SCORES.greedy(40)))
    heard: list[bool] = []
    document.dirty_changed.connect(heard.append)
    change = document.apply_command(toggle_ablation(["m0"]))
    document.set_state(change.before)
    assert heard == [True, False] and not document.is_dirty


def test_an_arrow_between_groups_stands_for_its_edges() -> None:
    document = Document(State(None, SCORES, Circuit.full(GRAPH)))
    for node, name in (("a0.h0", "Low"), ("a0.h1", "Low"), ("a1.h0", "High"), ("a1.h1", "High")):
        document.apply_command(set_label(node, Label(name)))
    edges = document.state.circuit.edge_names
    low, high = ("a0.h0->", "a0.h1->"), ("->a1.h0<", "->a1.h1<")
    between = {e for e in edges if e.startswith(low) and any(part in e for part in high)}
    assert between
    document.apply_command(toggle_ablation([], ["Low->High"]))
    assert document.state.ablated_edges == between
    document.apply_command(toggle_ablation([], ["Low->High"]))
    document.apply_command(toggle_ablation([], ["Low->logits"]))
    assert document.state.ablated_edges == {e for e in edges if e.startswith(low) and e.endswith("->logits")}
