"""Documents of every kind with something in every part and of every measure, for tests that change them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mutations import features, heads
from steering_records import example_result

from circuitviz.document import Document, Group, Label, PromptOrigin, ViewFilters
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.detached_annotations import DetachedAnnotations

INTERVAL = {"value": 0.5, "low": 0.25, "high": 0.75}
EXAMPLE = {
    "tokens": [1, 2],
    "position": 1,
    "activation": 0.5,
    "strings": ["a", "b"],
    "sites": {"m0": {"3": 0.5}, "a0": {"1": -1.0}},
}
RESULTS: dict[str, Any] = {
    "ablations": {"target": "t", "cells": [{"ablation": "zero", "errors": "kept", "patterns": "free", "faithfulness": 0.5, "completeness": None,
                                            "circuit": 1.0, "rest": 0.5, "model": 2.0, "ablated": 0.0}]},
    "backup": {"ablated": ["a0.h1"], "metric": {"before": 1.0, "after": 0.5}, "heads": [{"node": "a1.h1", "before": 0.0, "after": 1.0, "change": INTERVAL}]},
    "completeness": {"worst": None, "sets": [{"kind": "random", "name": "K", "nodes": ["m0"], "circuit": INTERVAL, "model": INTERVAL, "gap": 0.0}]},
    "curve": {"points": [{"asked": 1, "edges": 1, **INTERVAL}, {"asked": 9, "edges": 8, **INTERVAL}], "cpr": 0.5, "cmd": 0.25,
              "areas": {"cpr": INTERVAL, "cmd": INTERVAL, "cpr_clipped": INTERVAL},
              "random": [{"asked": 9, "edges": 8.5, "circuits": 2, **INTERVAL}]},
    "generalisation": {"edges": 8, "splits": [{"split": "prompts", "difference": "other prompts", "prompts": [2, 2], "in_sample": INTERVAL, "held_out": INTERVAL, "iou": 0.5}]},
    "mib": {"rows": [{"method": "eap", "task": "t", "model": "m", "select": "top", "sample": "held-out", "prompts": 2, "seconds": 0.5, "error": "", "points": [],
                      "cpr": INTERVAL, "cmd": INTERVAL, "cpr_clipped": INTERVAL}]},
    "minimality": {"nodes": [{"node": "m0", "value": 0.5, "change": INTERVAL, "without": ["m1"]}]},
    "predicted": {"target": "t", "action": "scale", "response": "effect", "r": 0.5, "points": [{"node": "m0.f9@1", "predicted": 1.0, "measured": 0.5}]},
    "random": {"asked": 9, "edges": 8.5, "circuits": 2, **INTERVAL, "values": [0.25, 0.5], "own": INTERVAL},
    "rivals": {"found": 1, "edges": 8, "tolerance": 0.02, "overlap": 0.5, "faithfulness": [INTERVAL, INTERVAL], "rivals": [["m0->m1"]], "core": [], "iou": [[1.0, 0.0], [0.0, 1.0]],
               "prompts": [{"prompt": 0, "text": "a", "metric": [0.5, 1.0]}], "closest": {**INTERVAL, "iou": 0.25}},
    "robustness": {"cells": [{"ablation": "zero", "metric": "kl", "patched": "edges", **INTERVAL}, {"ablation": "zero", "metric": "x", "patched": "edges", "value": None, "low": None, "high": None, "why": "no"}]},
    "roles": {"roles": {"induction": {"role": "Induction", "unit": "share", "scores": {"a0.h0": 0.5, "a0.h1": None, "a1.h1": 0.25}}}, "weights": "w", "task": "t", "movers": [], "missing": {}},
    "sizes": {"target": "t", "ablation": "zero", "errors": "kept", "points": [{"nodes": 3, "last": "m0", "faithfulness": 0.5, "completeness": None}]},
    "stability": {"edges": {"m0->m1": 0.5}, "mean_iou": 0.5, "resamples": 8},
    "task": {"model": "demo", "task": "ioi", "metric": "logit-diff", "prompts": 2, "two_sided": True, "chance": 0.5,
             "accuracy": INTERVAL, "corrupted_accuracy": INTERVAL, "clean": INTERVAL, "corrupted": INTERVAL, "difference": INTERVAL},
    "traces": {"t · demo": {"traces": {"target": "m0.f9", "partial": False, "heads": ["a0"], "examples": [EXAMPLE, EXAMPLE]}, "source": "demo", "model": "demo", "dictionaries": ["d"], "nodes": 10}},
}  # fmt: skip


def rich_heads() -> Document:
    document = heads()
    circuit = document.state.circuit
    assert circuit is not None
    free = [n for n in circuit.node_names if n not in ("logits", "input")]
    aside = DetachedAnnotations(
        {"m0.f3": Label("aside")}, {"m0.f3": (1.0, 2.0)}, {"old": Group(frozenset(["m0.f3"]))}
    )
    scores = document.state.scores
    assert scores is not None
    rounds = [{"receivers": ["logits"], "senders": [["m0", 0.5]]}]
    course = [{"step": 40, "edges": 30, "prompts": 8, "value": 0.5, "low": 0.25, "high": None}]
    state = replace(
        document.state,
        detached=aside,
        steering=(example_result(),),
        filters=ViewFilters(most=3, hidden_kinds=frozenset({"mlp"}), low=0),
        scores=replace(scores, info={"own": 0.5, "rounds": rounds, "course": course}),
    )
    made = filled(Document(state), document)
    made.history = [{"key": "k", "nodes": free[:1], "edges": [], "changed": {free[1]: ["scale", 0.5, [1]]}}]
    return made


def rich_features() -> Document:
    document = features()
    query = AttributionQuery("demo", "a b", "logit-diff", "attribution-graph", corrupted="a c", correct=(" x",), incorrect=(" y",),
                             sites=("m0",), dictionaries=("d",), bos=True, tokens=(1, 2), rows=9, node_share=0.5, edge_share=0.5, neurons=7, convention="circuit-tracer")  # fmt: skip
    where = PromptOrigin(query, "ab", "cd", versions={"torch": "2"}, machine="m", seconds=1.0, created="2026")
    scores = document.state.scores
    assert scores is not None
    info = {"prompt": {"strings": ["a", "b"], "tokens": [1, 2]}, "activations": {"m0.f9@1": 0.5}, "influence": {"m0.f9@1": 0.5},
            "attributions": {"m0.f9@1": 0.5}, "target": "logit.4@1", "shown": {"logit.4@1": " x"}, "replacement_score": 0.5,
            "completeness_score": 0.5, "ledger": {"features": 0.5}, "targets": {"logit.4@1": 0.5}, "fraction": 0.5}  # fmt: skip
    return filled(
        Document(replace(document.state, origin=where, scores=replace(scores, info=info))), document
    )


def filled(made: Document, before: Document) -> Document:
    """With numbers of the present state, and every measure."""
    made.view = dict(before.view) or {"layout": "tokens"}
    made.view["figure"] = {"view": "heads", "width": 90.0}
    made.curve = [{"asked": 1, "edges": 1, **INTERVAL}]
    made.measures = {
        name: {"key": "k", "options": {"sets": 5}, "result": result, "done": True}
        for name, result in RESULTS.items()
    }
    numbers = {"faithfulness": INTERVAL, "metric": {"circuit": 1.0, "model": 2.0, "ablated": 0.0}, "edges": 4, "nodes": 3,
               "setting": {"metric": "logit-diff", "ablation": "corrupted", "prompts": 8, "seed": 0}}  # fmt: skip
    made.store_evaluation(made.state.measurement_key, numbers)
    made.extra = {
        "imported": {"file": "a.json", "format": "eap-ig", "sha256": "ab"},
        "from a later version": {"x": [1]},
    }
    return made


def rich_documents() -> list[Document]:
    return [rich_heads(), rich_features()]
