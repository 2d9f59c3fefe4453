"""Numbers that were measured while zero and scaling left an MLP's output bias are not shown as today's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from circuitviz.document import Document, State, TaskOrigin
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Graph, Intervention, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
NUMBERS = {
    "faithfulness": {"value": 0.5, "low": 0.4, "high": 0.6},
    "metric": {"circuit": 1.0, "model": 2.0, "ablated": 0.0},
    "edges": 40,
    "setting": {"prompts": 1},
}


def _earlier_key(state: State) -> str:
    """The key that a file written before the change has for its state."""
    assert state.live_circuit is not None and state.origin is not None
    where, digest = state.origin, state.live_circuit.digest.copy()
    said = [where.weight_hash, where.task_hash, where.metric, where.ablation]
    digest.update(json.dumps([GRAPH.shape.key, said]).encode())
    if state.interventions:
        changed = sorted((name, what.to_json) for name, what in state.interventions.items())
        digest.update(json.dumps(changed).encode())
    return str(digest.hexdigest())


@pytest.mark.parametrize("ablation", ["corrupted", "mean", "mean-positional", "zero"])
@pytest.mark.parametrize("scaled", [False, True])
def test_only_what_the_change_left_alone_is_still_shown(tmp_path: Path, ablation: str, scaled: bool) -> None:
    where = TaskOrigin("demo", "ab", "ioi", "cd", (("a", "b", (" c",), ()),), "log-prob", ablation, "eap")
    changed = {"m0": Intervention("scale", 0.5)} if scaled else {}
    document = Document(State(where, SCORES, SCORES.greedy(40), interventions=changed))
    document.store_evaluation(_earlier_key(document.state), NUMBERS)
    save_document(document, tmp_path / "earlier.circuit")
    opened = open_document(tmp_path / "earlier.circuit")
    assert list(opened.evaluations.values()) == [NUMBERS]  # nothing is lost
    assert (opened.evaluation is None) == (ablation == "zero" or scaled)
    opened.store_evaluation(opened.state.measurement_key, NUMBERS)
    save_document(opened, tmp_path / "today.circuit")
    assert open_document(tmp_path / "today.circuit").evaluation == NUMBERS
