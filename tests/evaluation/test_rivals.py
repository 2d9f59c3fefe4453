"""Rivals on circuits that are known: none where there is none, and the twin where one waits."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuitviz.discovery import discover, make_setting
from circuitviz.evaluation import FaithfulnessBench, MeasureInput, evaluate, measure_steps
from circuitviz.evaluation.rivals import RivalOptions, Rivals
from circuitviz.formats import import_document
from circuitviz.graph import Circuit, Evaluation, Interval
from circuitviz.models import load_model
from circuitviz.progress import ProgressRunner, run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks import load_task


def known(name: str, ablation: str, method: str = "eap-ig") -> MeasureInput:
    """A circuit that is known, with scores, on its bench."""
    model = load_model(name)
    task = load_task(name, model, prompts=16)
    path = Path(str(resource_path("known", name))) / f"{name}-{ablation}.reference.json"
    circuit = import_document(path).state.circuit
    assert circuit is not None
    scores = discover(model, task, method, ablation=ablation)
    return MeasureInput(FaithfulnessBench(make_setting(model, task, None, ablation)), circuit, scores)


def rivals(subject: MeasureInput, **options: object) -> dict[str, Any]:
    data: dict[str, Any] = run_to_completion(measure_steps("rivals", subject, **options)).as_dict()
    return data


@pytest.mark.parametrize("ablation", ["corrupted", "zero"])
@pytest.mark.parametrize("name", ["reverse", "x-proportion"])
def test_a_circuit_that_stands_alone_has_none(name: str, ablation: str) -> None:
    subject = known(name, ablation)
    found = rivals(subject)
    assert found["found"] == 0 and found["rivals"] == [] and found["prompts"] == []
    assert found["core"] == list(subject.circuit.edge_names) and found["iou"] == [[1.0]]
    assert found["closest"]["value"] < 0.98 and found["closest"]["iou"] <= 0.5


@pytest.mark.parametrize("method", ["eap-ig", "exact"])
def test_the_twin_of_backup_is_found_where_it_steps_in(method: str) -> None:
    """``a2.h0`` answers where ``a1.h2`` does not write, which only zero ablation lets it see."""
    subject = known("backup", "zero", method)
    found = rivals(subject, number=1)
    bench_setting = subject.bench.setting
    assert found["found"] == 1
    twin = Circuit.from_names(subject.circuit.graph, found["rivals"][0])
    assert {"a0.h1", "a2.h0"} <= set(twin.node_names) and "a1.h2" not in twin.node_names
    again = evaluate(bench_setting.model, bench_setting.task, twin, ablation="zero")
    assert again.faithfulness.value == pytest.approx(1.0, abs=0.02) and twin.n_edges <= found["edges"]
    edges = [set(subject.circuit.edge_names), *map(set, found["rivals"])]
    assert set(found["core"]) == set.intersection(*edges)
    for (i, a), (j, b) in combinations(enumerate(edges), 2):
        assert found["iou"][i][j] == found["iou"][j][i] == pytest.approx(len(a & b) / len(a | b))
        assert found["iou"][i][j] <= 0.5
    assert rivals(known("backup", "corrupted", method))["found"] == 0  # there it stays silent


def test_a_twin_that_the_circuit_keeps_silent_is_found_without_the_node_that_does() -> None:
    """The edges by which ``a1.h2`` silences it lead nowhere in a circuit without it, and are not excluded."""
    truth = known("backup", "zero", "exact")
    circuit = truth.scores.greedy(5)
    assert "a2.h0" not in circuit.node_names and "a1.h2" in circuit.node_names
    found = rivals(MeasureInput(truth.bench, circuit, truth.scores), number=1)
    assert found["found"] == 1 and found["faithfulness"][1]["value"] == pytest.approx(1.0, abs=0.02)
    assert "a2.h0->logits" in found["rivals"][0] and len(found["rivals"][0]) <= 5


def test_in_a_large_circuit_as_many_edges_as_allowed_are_shared_at_last() -> None:
    """Without an evaluation for anything else: the strongest edges kept, and the others replaced."""
    model = load_model("demo")
    setting = make_setting(model, load_task("ioi", model, prompts=6))
    scores = discover(model, setting.task, "eap-ig")
    circuit = scores.greedy(120)
    subject = MeasureInput(FaithfulnessBench(setting), circuit, scores)
    found = rivals(subject, evaluations=1, number=1, tolerance=0.3)
    assert found["found"] == 1 and found["iou"][0][1] <= 0.5
    strength = {name: abs(scores.values[scores.graph.edge(name)]) for name in circuit.edge_names}
    strongest = sorted(circuit.edge_names, key=lambda name: -strength[name])[:20]  # a quarter of 80
    assert set(strongest) <= set(found["core"])


def test_the_prompts_are_told_on_which_circuits_differ_most() -> None:
    circuit = known("backup", "zero").circuit
    metric = np.array([[5.0, 5.0, 1.0, 3.0], [5.0, 4.0, 4.0, 3.0]])
    evaluations = tuple(
        Evaluation(Interval(1.0), 1.0, 1.0, 0.0, "m", "zero", 4, 0, 7, 4, {"circuit": row}) for row in metric
    )
    found = Rivals((circuit, circuit), evaluations, RivalOptions(), ("a", "b", "c", "d")).as_dict()
    assert [(one["prompt"], one["text"], one["metric"]) for one in found["prompts"]] == [
        (2, "c", [1.0, 4.0]), (1, "b", [5.0, 4.0]),
    ]  # fmt: skip


def test_what_counts_as_a_rival_is_an_option_and_a_search_can_be_cancelled() -> None:
    subject = known("backup", "zero")
    assert rivals(subject, overlap=0.05)["found"] == 0  # the twin shares one edge
    assert rivals(subject, number=1)["found"] == 1
    runner = ProgressRunner(measure_steps("rivals", subject))
    partial = next(step.partial for step in runner if step.partial is not None)
    assert partial.as_dict()["found"] == 0 and partial.as_dict()["faithfulness"][0]["value"] == pytest.approx(
        1
    )
