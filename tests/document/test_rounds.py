"""A round asks for every node once, the strongest first; blind rounds report how far labels agree."""

from __future__ import annotations

import random

import numpy as np
import pytest

from circuitviz.document import Label, State
from circuitviz.document.labelling_round import (
    LabellingRound,
    cohens_kappa,
    measure_agreement,
    nodes_by_strength,
)
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
STATE = State(None, SCORES, SCORES.greedy(40))


def test_the_strongest_come_first() -> None:
    order = nodes_by_strength(STATE)
    names, edges = GRAPH.senders, STATE.circuit.edges
    totals = {
        n: sum(abs(SCORES.values[names.index(n), r]) for r in np.flatnonzero(edges[names.index(n)]))
        for n in order
    }
    assert sorted(totals.values(), reverse=True) == list(totals.values())
    assert set(order) == set(STATE.circuit.node_names) - {"input", "logits"}
    assert nodes_by_strength(State()) == []


def test_accept_skip_and_later() -> None:
    order = nodes_by_strength(STATE)
    labelled = State(None, SCORES, STATE.circuit, labels={order[1]: Label("x"), "class:x": Label("x")})
    round_ = LabellingRound.from_state(labelled)
    assert round_.queue == [order[0], *order[2:]] and round_.n_nodes == len(order) - 1
    round_.postpone_current()
    assert round_.label_current("Induction") == order[2]
    round_.skip_current()
    assert round_.skipped == [order[3]] and round_.new_labels == {order[2]: "Induction"}
    while round_.current_node != order[0]:
        round_.skip_current()
    assert (
        round_.label_current("y") == order[0]
        and round_.current_node is None
        and round_.n_nodes == len(order) - 1
    )


def test_a_blind_round_compares_with_what_was_said_before() -> None:
    order = nodes_by_strength(STATE)[:4]
    labels = {name: Label(text) for name, text in zip(order, "aabb", strict=True)}
    round_ = LabellingRound.from_state(State(None, SCORES, STATE.circuit, labels=labels), is_blind=True)
    assert round_.queue == order
    for text in "abb":
        round_.label_current(text)
    round_.skip_current()
    found = round_.measure_agreement()
    assert (found.n_agreed, found.n_nodes) == (2, 3) and found.kappa == pytest.approx(0.4)
    assert "2 of 3 labels agree; Cohen's kappa 0.40 [" in found.describe()


def test_kappa_is_chance_corrected_agreement() -> None:
    """Against the confusion matrix: (p_o − p_e) / (1 − p_e)."""
    pick = random.Random(0)
    for _ in range(30):
        pairs = [(pick.choice("abc"), pick.choice("abcd")) for _ in range(pick.randrange(2, 40))]
        table = np.zeros((4, 4))
        for a, b in pairs:
            table["abcd".index(a), "abcd".index(b)] += 1
        table /= table.sum()
        chance = (table.sum(0) * table.sum(1)).sum()
        assert cohens_kappa(pairs) == pytest.approx((np.trace(table) - chance) / (1 - chance))
    assert cohens_kappa([("a", "a")] * 5) is None and cohens_kappa([]) is None
    assert cohens_kappa([("a", "a"), ("b", "b")]) == 1.0
    assert "undefined" in measure_agreement([("a", "a")] * 3).describe()
    assert "nothing to compare" in measure_agreement([]).describe()
    wide, narrow = (
        measure_agreement([("a", "a"), ("b", "b"), ("a", "b")] * 2),
        measure_agreement([("a", "a"), ("b", "b"), ("a", "b")] * 50),
    )
    assert wide.low < narrow.low < narrow.kappa < narrow.high < wide.high
