"""Documents that several tests show, without the model that they name."""

from __future__ import annotations

import numpy as np

from circuitviz.document import Document, Label, State, TaskOrigin
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(4, 4, 16))


def labelled_document(labelled: bool = True) -> Document:
    """A circuit of 70 edges of four layers, evaluated, with four labels."""
    scores = Scores(GRAPH, np.random.default_rng(5).normal(size=GRAPH.mask.shape), "eap-ig")
    where = TaskOrigin(
        "elsewhere/no-such-model", "ab" * 32, "ioi", "cd" * 32, (), "logit-diff", "corrupted", "eap-ig",
        {"steps": 5}, requested=70, prompts=64, seed=3, versions={"torch": "2.9"},
    )  # fmt: skip
    labels = {
        "a0.h1": Label("Duplicate Token"),
        "a2.h0": Label("S-Inhibition"),
        "a2.h3": Label("S-Inhibition"),
        "a3.h1": Label("Name Mover"),
    }
    made = Document(State(where, scores, scores.greedy(70), labels=labels if labelled else {}))
    made.store_evaluation(
        made.state.measurement_key,
        {
            "faithfulness": {"value": 0.8123, "low": 0.7512, "high": 0.8604},
            "metric": {"circuit": 1.0, "model": 2.0, "ablated": 0.5},
            "setting": {"metric": "logit-diff", "ablation": "corrupted", "prompts": 64, "seed": 3},
            "edges": 70,
        },
    )
    return made
