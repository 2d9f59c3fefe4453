"""Measures against their definitions: what each compares is run by the slow path in the test."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case
from slow_faithfulness import Slow

from circuitviz.discovery import discover, make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import FaithfulnessBench, MeasureInput, measure_steps, measures, random_circuits
from circuitviz.graph import Circuit, Scores
from circuitviz.progress import run_to_completion


def _subject(case: Case, edges: int = 40, **more: Any) -> MeasureInput:
    scores = discover(case.model, case.task, "eap", metric="logit-diff")
    bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"))
    return MeasureInput(bench, scores.greedy(edges), scores, requested_amount=edges, **more)


def _measure(name: str, subject: MeasureInput, **options: object) -> Any:
    return run_to_completion(measure_steps(name, subject, **options)).as_dict()


def test_completeness_compares_circuit_and_model_without_the_same_nodes(case: Case) -> None:
    subject, slow = _subject(case, node_classes={"first": ("a0.h0", "a0.h1"), "none": ("a2.h9",)}), Slow(case)
    found = _measure("completeness", subject, sets=3, depth=2, candidates=3)
    kinds = [one["kind"] for one in found["sets"]]
    assert kinds.count("random") == 3 and kinds.count("greedy") == 2 and kinds.count("class") <= 1
    for one in found["sets"]:
        ours = slow.faithfulness(slow.without(subject.circuit.edges, one["nodes"]))
        theirs = slow.faithfulness(slow.without(slow.graph.mask, one["nodes"]))
        assert one["circuit"]["value"] == pytest.approx(ours, abs=1e-3)
        assert one["model"]["value"] == pytest.approx(theirs, abs=1e-3)
        assert one["gap"] == pytest.approx(abs(ours - theirs), abs=1e-3)
    assert found["worst"]["gap"] == max(one["gap"] for one in found["sets"])
    first, second = (one for one in found["sets"] if one["kind"] == "greedy")
    assert set(first["nodes"]) < set(second["nodes"])


def test_the_greedy_search_takes_the_node_that_widens_the_gap_most(demo: Case) -> None:
    subject, slow = _subject(demo), Slow(demo)
    many = len(subject.removable_nodes)
    found = _measure("completeness", subject, sets=0, depth=1, candidates=many)
    gaps = {}
    for node in subject.removable_nodes:
        ours = slow.faithfulness(slow.without(subject.circuit.edges, [node]))
        gaps[node] = abs(ours - slow.faithfulness(slow.without(slow.graph.mask, [node])))
    assert found["worst"]["nodes"] == [max(gaps, key=lambda node: gaps[node])]


def test_minimality_is_the_largest_change_over_the_sets(case: Case) -> None:
    subject, slow = _subject(case, edges=25), Slow(case)
    found = _measure("minimality", subject, sets=2)
    assert {row["node"] for row in found["nodes"]} == set(subject.removable_nodes)
    from circuitviz.evaluation.node_sets import random_node_sets

    sets = [(), *random_node_sets(subject, 2, 0)]
    edges = subject.circuit.edges
    for row in found["nodes"]:
        changes = []
        for chosen in sets:
            rest = [n for n in chosen if n != row["node"]]
            with_it = slow.faithfulness(slow.without(edges, rest))
            changes.append(abs(slow.faithfulness(slow.without(edges, [*rest, row["node"]])) - with_it))
        assert row["value"] == pytest.approx(max(changes), abs=1e-3), row["node"]
    values = [row["value"] for row in found["nodes"]]
    assert values == sorted(values, reverse=True) and max(values) > 0.01


def test_backup_is_the_direct_effect_before_and_after(case: Case) -> None:
    graph, slow = case.model.graph, Slow(case)
    ablated = ("a2.h1", "a1.h0")
    subject = _subject(case, selection=ablated)
    found = _measure("backup", subject)
    assert found["ablated"] == list(ablated)
    without = slow.without(graph.mask, ablated)
    assert found["metric"]["after"] == pytest.approx(slow.metric(without), abs=2e-4)
    heads = {head["node"]: head for head in found["heads"]}
    assert not set(ablated) & set(heads)
    for node in ("a0.h0", "a1.h2", "a2.h0"):
        for when, edges in (("before", graph.mask), ("after", without)):
            fewer = edges.copy()
            fewer[graph.sender_index[node], -1] = False
            effect = slow.metric(edges) - slow.metric(fewer)
            assert heads[node][when] == pytest.approx(effect, abs=3e-4), (node, when)
        change = heads[node]["after"] - heads[node]["before"]
        assert heads[node]["change"]["value"] == pytest.approx(change, abs=1e-6)
    named = _measure("backup", _subject(case), nodes="a2.h1, a1.h0")
    assert named["metric"] == found["metric"]
    with pytest.raises(InputError, match="No node was given"):
        _measure("backup", _subject(case))
    with pytest.raises(InputError, match="no node 'a9.h9'"):
        _measure("backup", _subject(case), nodes="a9.h9")


@pytest.mark.usefixtures("few_learning_steps")
def test_robustness_measures_every_setting(demo: Case) -> None:
    subject, slow = _subject(demo), Slow(demo)
    cells = _measure("robustness", subject)["cells"]
    assert len(cells) == 5 * 5 * 2
    by = {(c["ablation"], c["metric"], c["patched"]): c for c in cells}
    ours = by["corrupted", "logit-diff", "edges"]["value"]
    assert ours == pytest.approx(slow.faithfulness(subject.circuit.edges), abs=1e-3)
    nodes = slow.graph.mask.copy()
    for row, name in enumerate(slow.graph.senders):
        if name not in subject.circuit.node_names:
            nodes[row] = False
    assert by["corrupted", "logit-diff", "nodes"]["value"] == pytest.approx(
        slow.faithfulness(nodes), abs=1e-3
    )
    undefined = {(cell["ablation"], cell["metric"]) for cell in cells if cell["value"] is None}
    assert undefined <= {("optimal", "accuracy")}, "constants of six prompts may answer them all"


@pytest.mark.usefixtures("few_learning_steps")
def test_robustness_says_where_a_metric_does_not_suit(demo: Case) -> None:
    from circuitviz.tasks import PromptPair, Task

    pairs = [PromptPair(p.clean, p.corrupted, p.correct) for p in demo.task.pairs]
    task = Task.from_pairs("one-sided", pairs, demo.model.tokens, metric="log-prob")
    bench = FaithfulnessBench(make_setting(demo.model, task))
    cells = _measure("robustness", MeasureInput(bench, Circuit.full(demo.model.graph)))["cells"]
    one = next(c for c in cells if c["metric"] == "prob-diff")
    assert one["value"] is None and "incorrect" in one["why"]
    assert next(c for c in cells if c["metric"] == "log-prob")["value"] == pytest.approx(1)


def test_stability_counts_how_often_edges_are_chosen(demo: Case) -> None:
    subject = _subject(demo, edges=60)
    found = _measure("stability", subject, resamples=4, seed=5)
    random, circuits = np.random.default_rng(5), []
    for _ in range(4):
        rows = np.sort(random.integers(len(demo.task), size=len(demo.task)))
        scores = discover(demo.model, demo.task.subset(rows.tolist()), "eap", metric="logit-diff")
        circuits.append(set(scores.greedy(60).edge_names))
    everything = set().union(*circuits)
    assert found["edges"] == {e: sum(e in c for c in circuits) / 4 for e in found["edges"]}
    assert set(found["edges"]) == everything
    pairs = [(a, b) for i, a in enumerate(circuits) for b in circuits[i + 1 :]]
    assert found["mean_iou"] == pytest.approx(np.mean([len(a & b) / len(a | b) for a, b in pairs]))
    single = MeasureInput(
        FaithfulnessBench(make_setting(demo.model, demo.task.subset([0]))), subject.circuit, subject.scores
    )
    with pytest.raises(InputError, match="task of 1 prompt"):
        _measure("stability", single)


def test_the_curve_as_a_measure_has_its_areas(demo: Case) -> None:
    found = _measure("curve", _subject(demo))
    assert {"points", "cpr", "cmd"} <= set(found) and 0.5 < found["cpr"] < 1.2
    with pytest.raises(InputError, match="holds no scores"):
        _measure(
            "curve",
            MeasureInput(
                FaithfulnessBench(make_setting(demo.model, demo.task)), Circuit.full(demo.model.graph)
            ),
        )


def test_full_is_one_and_empty_is_nought(case: Case) -> None:
    graph = case.model.graph
    for ablation in ("corrupted", "zero", "mean", "mean-positional"):
        bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff", ablation))
        assert run_to_completion(bench.evaluate(Circuit.full(graph))).faithfulness.value == 1.0
        assert run_to_completion(bench.evaluate(Circuit.empty(graph))).faithfulness.value == 0.0


def test_a_bench_goes_on_when_memory_runs_out(demo: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = _subject(demo).circuit
    whole = run_to_completion(FaithfulnessBench(make_setting(demo.model, demo.task)).evaluate(circuit))
    real = demo.model.logits

    def logits(tokens: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        if len(tokens) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return real(tokens, positions)

    monkeypatch.setattr(demo.model, "logits", logits)
    monkeypatch.setattr(demo.model, "max_batch_prompts", None)
    told: list[str] = []
    halved = run_to_completion(
        FaithfulnessBench(make_setting(demo.model, demo.task)).evaluate(circuit),
        lambda step: told.append(step.message),
    )
    assert halved.faithfulness.value == pytest.approx(whole.faithfulness.value, abs=1e-5)
    assert any("memory ran out; going on with 3 prompts" in message for message in told)


def test_every_measure_is_there() -> None:
    names = {"curve", "completeness", "minimality", "backup", "robustness", "stability"}
    assert names <= set(measures.names()) and not measures.import_errors


def test_random_circuits_are_drawn_pruned_and_measured_at_every_size(demo: Case) -> None:
    subject, slow = _subject(demo), Slow(demo)
    found = _measure("random", subject, circuits=3, seed=2)
    drawn = np.random.default_rng(2)
    values = []
    for _ in range(3):
        draw = np.where(slow.graph.mask, 1 - drawn.random(slow.graph.mask.shape), 0)
        circuit = Scores(slow.graph, draw, "drawn").greedy(40)
        assert circuit.n_edges == 40 and np.array_equal(circuit.edges, circuit.pruned().edges)
        values.append(slow.faithfulness(circuit.edges))
    assert found["values"] == pytest.approx(sorted(values), abs=1e-3)
    assert found["value"] == pytest.approx(np.median(values), abs=1e-3)
    assert (found["low"], found["high"]) == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=1e-3)
    assert found["own"]["value"] == pytest.approx(slow.faithfulness(subject.circuit.edges), abs=1e-3)

    curve = _measure("curve", subject, random=2)
    assert [b["asked"] for b in curve["random"]] == [p["asked"] for p in curve["points"]]
    assert curve["random"][-1]["value"] == 1.0
    assert "random" not in _measure("curve", subject, random=0)


def test_random_circuits_hold_the_matrix_of_one_ranking_at_a_time(
    demo: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[Scores] = weakref.WeakSet()
    n_alive = []

    def note(*values: Any) -> Scores:
        scores = Scores(*values)
        alive.add(scores)
        n_alive.append(len(alive))
        return scores

    monkeypatch.setattr(random_circuits, "Scores", note)
    _measure("curve", _subject(demo), random=4)
    assert len(n_alive) == 4 and max(n_alive) <= 2  # the next one is drawn before the last one is gone
