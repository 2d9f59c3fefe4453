"""A round asks for every node once, the strongest first; blind rounds report how far labels agree."""

from __future__ import annotations

import random

import numpy as np
import pytest

from circuitviz.graph import Graph, Scores, Shape
from circuitviz.session import Label, State
from circuitviz.session.rounds import LabellingRound, agreement, kappa, strongest_first

GRAPH = Graph.transformer(Shape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
STATE = State(None, SCORES, SCORES.greedy(40))


def test_the_strongest_come_first() -> None:
    order = strongest_first(STATE)
    names, edges = GRAPH.senders, STATE.circuit.edges
    totals = {
        n: sum(abs(SCORES.values[names.index(n), r]) for r in np.flatnonzero(edges[names.index(n)]))
        for n in order
    }
    assert sorted(totals.values(), reverse=True) == list(totals.values())
    assert set(order) == set(STATE.circuit.node_names) - {"input", "logits"}
    assert strongest_first(State()) == []


def test_accept_skip_and_later() -> None:
    order = strongest_first(STATE)
    labelled = State(None, SCORES, STATE.circuit, labels={order[1]: Label("x"), "class:x": Label("x")})
    round_ = LabellingRound.of(labelled)
    assert round_.queue == [order[0], *order[2:]] and round_.total == len(order) - 1
    round_.later()
    assert round_.accept("Induction") == order[2]
    round_.skip()
    assert round_.skipped == [order[3]] and round_.given == {order[2]: "Induction"}
    while round_.node != order[0]:
        round_.skip()
    assert round_.accept("y") == order[0] and round_.node is None and round_.total == len(order) - 1


def test_a_blind_round_compares_with_what_was_said_before() -> None:
    order = strongest_first(STATE)[:4]
    labels = {name: Label(text) for name, text in zip(order, "aabb", strict=True)}
    round_ = LabellingRound.of(State(None, SCORES, STATE.circuit, labels=labels), blind=True)
    assert round_.queue == order
    for text in "abb":
        round_.accept(text)
    round_.skip()
    found = round_.agreement()
    assert (found.agreed, found.number) == (2, 3) and found.kappa == pytest.approx(0.4)
    assert "2 of 3 labels agree; Cohen's kappa 0.40 [" in found.text()


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
        assert kappa(pairs) == pytest.approx((np.trace(table) - chance) / (1 - chance))
    assert kappa([("a", "a")] * 5) is None and kappa([]) is None
    assert kappa([("a", "a"), ("b", "b")]) == 1.0
    assert "undefined" in agreement([("a", "a")] * 3).text()
    assert "nothing to compare" in agreement([]).text()
    wide, narrow = (
        agreement([("a", "a"), ("b", "b"), ("a", "b")] * 2),
        agreement([("a", "a"), ("b", "b"), ("a", "b")] * 50),
    )
    assert wide.low < narrow.low < narrow.kappa < narrow.high < wide.high
