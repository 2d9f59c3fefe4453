"""What the meter estimates at once: from effects, and from nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import Case

from circuitviz.discovery import discover
from circuitviz.document import State
from circuitviz.graph.scores import RANK_UNIT, UNIT_KEY
from circuitviz.workspace.live_faithfulness import _metric_change_of_heads


def test_ranks_are_no_effects_and_nothing_is_estimated_from_them(demo: Case) -> None:
    scores = discover(demo.model, demo.task, "eap")
    circuit = scores.greedy(100)
    edge = circuit.edge_names[0]
    before = State(None, scores, circuit)
    after = replace(before, ablated_edges=frozenset({edge}))
    lost = float(scores.values[demo.model.graph.edge(edge)])
    assert _metric_change_of_heads(before, after) == pytest.approx(-lost)
    ranks = replace(scores, info={UNIT_KEY: RANK_UNIT})
    assert _metric_change_of_heads(replace(before, scores=ranks), replace(after, scores=ranks)) is None
