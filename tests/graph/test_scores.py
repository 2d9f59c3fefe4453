"""Scores of a search that was stopped: an edge that nobody examined is never in the circuit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 2, 8))
WAYS = ("greedy", "top", "signed", "nodes", "threshold", "own")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.sampled_from(WAYS), st.integers(1, GRAPH.n_edges))
def test_no_way_to_choose_takes_what_was_not_examined(seed: int, share: float, how: str, number: int) -> None:
    draw = np.random.default_rng(seed)
    examined = (draw.random(GRAPH.mask.shape) < share) & GRAPH.mask
    values = np.where(examined, draw.normal(size=GRAPH.mask.shape), 0.0)
    scores = Scores(GRAPH, values, "exact", partial=True, info={"own": 0.1})
    circuit = scores.select(how, 0.1 if how in ("threshold", "own") else number)
    assert not (circuit.edges & ~examined).any()
    # every edge leads on to the logits
    for _, receiver in np.argwhere(circuit.edges):
        owners = np.flatnonzero(GRAPH.owners[receiver])
        assert any(node >= len(GRAPH.senders) or circuit.edges[node].any() for node in owners)


def test_what_reaches_the_logits_stays_where_its_inputs_were_not_examined() -> None:
    values = np.zeros(GRAPH.mask.shape)
    for edge, score in (("a1.h0->logits", 0.5), ("m1->logits", 0.4), ("a0.h1->m1", 0.3)):
        values[GRAPH.edge(edge)] = score
    values[GRAPH.edge("a0.h0->a1.h0<q>")] = 0.01  # examined, and too weak: a1.h0 is a dead end
    scores = Scores(GRAPH, values, "acdc", partial=True, info={"own": 0.1})
    assert set(scores.select_by_method().edge_names) == {"m1->logits", "a0.h1->m1"}
    whole = Scores(GRAPH, values, "acdc", info={"own": 0.1})
    assert not whole.select_by_method().edge_names


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(WAYS), st.integers(1, GRAPH.n_edges))
def test_edges_without_a_score_are_never_chosen(seed: int, how: str, number: int) -> None:
    """A score of 0 is a score; circuits that cannot be as large as asked say why."""
    draw = np.random.default_rng(seed)
    examined = Scores(GRAPH, draw.normal(size=GRAPH.mask.shape), "eap").greedy(30).edges
    values = np.where(
        examined & (draw.random(GRAPH.mask.shape) < 0.5), draw.normal(size=GRAPH.mask.shape), 0.0
    )
    scores = Scores(GRAPH, values, "exact", info={"own": 0.1}, examined=examined)
    assert scores.n_examined == 30
    circuit = scores.select(how, 0.1 if how in ("threshold", "own") else number)
    assert not (circuit.edges & ~examined).any()
    if how in ("greedy", "top", "signed"):
        assert ("only 30 of" in circuit.note) == (number > 30)
    if how in ("greedy", "top", "signed") and number >= 30:
        assert circuit.n_edges == 30  # edges of score 0, too
    for edge in np.argwhere(GRAPH.mask)[::7].tolist():
        score = scores.score_of(tuple(edge))
        assert score == values[tuple(edge)] if examined[tuple(edge)] else score is None
