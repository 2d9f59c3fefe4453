"""Discovery on some prompts, judged on others: against searches and slow runs of the test's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import logit_difference

from circuitviz.discovery import discover, make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, MeasureInput, measure_steps
from circuitviz.evaluation.prompt_splits import SPLITS
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task, load_task


def measured(case: Case, task: Task, **options: object) -> dict[str, Any]:
    scores = discover(case.model, task, "eap", metric="logit-diff")
    bench = FaithfulnessBench(make_setting(case.model, task, "logit-diff"))
    subject = MeasureInput(bench, scores.greedy(40), scores, requested_amount=40)
    data: dict[str, Any] = run_to_completion(measure_steps("generalisation", subject, **options)).as_dict()
    return data


def slow_metric(case: Case, task: Task, edges: np.ndarray) -> np.ndarray:
    """The metric of each prompt with all other edges at their corrupted values, by the slow path."""
    at = task.lengths - 1
    _, theirs = case.slow.run(task.corrupted, at)
    graph = case.model.graph
    logits, _ = case.slow.run(task.clean, at, theirs, set(graph.edge_names(graph.mask & ~edges)))
    return logit_difference(logits, task.correct, task.incorrect).double().numpy()


def test_each_half_is_judged_by_the_circuit_of_the_other(demo: Case) -> None:
    task = demo.task
    (split,) = measured(demo, task, splits="prompts", seed=4)["splits"]
    order = np.random.default_rng(4).permutation(len(task))
    halves = [task.subset(sorted(rows.tolist())) for rows in (order[:3], order[3:])]
    graph, numbers = demo.model.graph, {"in_sample": [], "held_out": []}
    circuits = []
    for part, other in (halves, halves[::-1]):
        circuit = discover(demo.model, part, "eap", metric="logit-diff").greedy(40)
        circuits.append(set(circuit.edge_names))
        for key, judged in (("in_sample", part), ("held_out", other)):
            rows = [
                slow_metric(demo, judged, edges)
                for edges in (circuit.edges, graph.mask, np.zeros_like(graph.mask))
            ]
            numbers[key].append(rows)
    for key, found in numbers.items():
        circuit, model, ablated = np.concatenate(found, axis=1).mean(axis=1)
        assert split[key]["value"] == pytest.approx((circuit - ablated) / (model - ablated), abs=1e-3), key
        assert split[key]["low"] <= split[key]["value"] <= split[key]["high"]
    a, b = circuits
    assert split["iou"] == pytest.approx(len(a & b) / len(a | b)) and split["prompts"] == [3, 3]


def test_prompts_are_divided_by_what_they_are() -> None:
    model = load_model("demo")
    task = load_task("ioi", model, prompts=40)
    parts = {name: divide(task, 0) for name, (_, divide) in SPLITS.items()}
    for name, halves in parts.items():
        if halves is not None:
            first, second = map(set, halves)
            assert first and second and not first & second, name
    names = [
        {answer for row in half for answer in (*task.pairs[row].correct, *task.pairs[row].incorrect)}
        for half in parts["answers"]
    ]
    assert not names[0] & names[1]
    beginnings = [{task.pairs[row].clean.split()[0] for row in half} for half in parts["template"]]
    assert not beginnings[0] & beginnings[1] and beginnings[0] | beginnings[1] == {
        "When",
        "After",
        "While",
        "Then",
    }
    if parts["length"] is not None:
        shorter, longer = (task.lengths[torch.tensor(half)] for half in parts["length"])
        assert shorter.max() < longer.min()
    one_form = load_task("greater-than", model, prompts=8)
    assert SPLITS["length"][1](one_form, 0) is None


def test_what_cannot_be_divided_is_said(demo: Case) -> None:
    found = measured(demo, demo.task)["splits"]
    assert [split["split"] for split in found] == list(SPLITS)
    for split in found:
        assert ("why" in split) == (split["held_out"]["value"] is None)
    with pytest.raises(InputError, match="task of 3 prompts"):
        measured(demo, demo.task.subset(range(3)))
