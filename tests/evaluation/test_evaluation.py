"""Faithfulness at its ends, intervals, the curve, overlap, and what cannot be measured."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import Case
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_path import logit_difference

from circuitviz.discovery import discover, make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import (
    CurvePoint,
    FaithfulnessBench,
    MeasureInput,
    bootstrap_interval,
    curve_areas,
    evaluate,
    measure_curve_steps,
    measure_steps,
)
from circuitviz.graph import Circuit, Interval
from circuitviz.graph.overlap import area_under_roc, overlap, ranking_quality
from circuitviz.progress import run_to_completion


@pytest.mark.parametrize("ablation", ["corrupted", "zero", "mean", "mean-positional"])
def test_the_full_circuit_is_1_and_the_empty_one_0(case: Case, ablation: str) -> None:
    graph = case.model.graph
    full = evaluate(case.model, case.task, Circuit.full(graph), ablation=ablation)
    empty = evaluate(case.model, case.task, Circuit.empty(graph), ablation=ablation)
    assert full.faithfulness.value == 1.0 and empty.faithfulness.value == 0.0


def test_faithfulness_is_the_slow_paths(case: Case) -> None:
    circuit = discover(case.model, case.task, "eap", metric="logit-diff").greedy(60)
    clean, _, corrupted, theirs = case.slow_outputs()
    graph = case.model.graph
    out = set(graph.edge_names(graph.mask & ~circuit.edges))
    logits, _ = case.slow.run(case.task.clean, case.task.lengths - 1, theirs, out)
    means = [
        float(logit_difference(x, case.task.correct, case.task.incorrect).mean())
        for x in (logits, clean, corrupted)
    ]
    found = evaluate(case.model, case.task, circuit, "logit-diff")
    assert [found.circuit, found.model, found.ablated] == pytest.approx(means, abs=1e-4)
    expected = (means[0] - means[2]) / (means[1] - means[2])
    assert found.faithfulness.value == pytest.approx(expected, abs=1e-3)
    assert found.faithfulness.low <= found.faithfulness.value <= found.faithfulness.high


def test_mean_ablation_takes_means_without_padding(demo: Case) -> None:
    """A sender's mean over real tokens, computed here from the plain model's embeddings."""
    from circuitviz.discovery import ablation_values

    values = ablation_values(demo.model, demo.task, "mean")(demo.task)
    embed = demo.slow.hf.get_input_embeddings()(demo.task.clean)
    rows = [embed[i, : int(n)] for i, n in enumerate(demo.task.lengths)]
    assert torch.allclose(values.embed[0, 0].double(), torch.cat(rows).mean(0), atol=1e-5)
    placed = ablation_values(demo.model, demo.task, "mean-positional")(demo.task)
    third = torch.stack([row[3] for row in rows]).mean(0)
    assert torch.allclose(placed.embed[0, 3].double(), third, atol=1e-5)


def test_no_difference_is_undefined_and_said(demo: Case) -> None:
    from circuitviz.tasks import PromptPair, Task

    same = PromptPair("So Mary said that", "So Mary said that", (" she",), (" he",))
    task = Task.from_pairs("same", [same], demo.model.tokens)
    found = evaluate(demo.model, task, Circuit.full(demo.model.graph))
    assert found.faithfulness.value is None


def test_one_prompt_has_no_interval(demo: Case) -> None:
    found = evaluate(demo.model, demo.task.subset([0]), Circuit.full(demo.model.graph))
    assert found.faithfulness.value == 1.0 and found.faithfulness.low is None


def test_the_interval_covers_a_known_ratio() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for seed in range(40):
        top, bottom = random.normal(2, 1, 80), random.normal(4, 1, 80)
        found = bootstrap_interval((top, bottom), lambda a, b: a / b, seed)
        hits += found.low <= 0.5 <= found.high
    assert hits >= 33


def test_the_curve_ends_at_1(demo: Case) -> None:
    scores = discover(demo.model, demo.task, "eap")
    counts = [20, 300, demo.model.graph.n_edges]
    points = run_to_completion(
        measure_curve_steps(FaithfulnessBench(make_setting(demo.model, demo.task)), scores, "greedy", counts)
    )
    assert [p.edges for p in points] == counts
    assert points[-1].faithfulness.value == 1.0
    one = evaluate(demo.model, demo.task, scores.greedy(300))
    assert points[1].faithfulness.value == pytest.approx(one.faithfulness.value, abs=1e-5)


MIB_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


def mib_areas(heights: list[float]) -> tuple[float, float]:
    """CPR and CMD as MIB's evaluation sums them: one trapezoid after another, from share 0.001."""
    under, from_one = 0.0, 0.0
    for i in range(len(heights) - 1):
        width = MIB_SHARES[i + 1] - MIB_SHARES[i]
        from_one += width * (abs(1.0 - heights[i]) + abs(1.0 - heights[i + 1])) / 2
        under += width * (heights[i] + heights[i + 1]) / 2
    return under, from_one


def curve_of(per_prompt: np.ndarray, model: np.ndarray, ablated: np.ndarray) -> list[CurvePoint]:
    """Points of a curve from the metric of each circuit [shares, prompts]."""
    numbers = [{"circuit": row, "model": model, "ablated": ablated} for row in per_prompt]
    return [CurvePoint(0, 0, Interval(None), row) for row in numbers]


def test_cpr_and_cmd_are_mibs_at_their_ends() -> None:
    model, ablated = np.array([3.0, 1.0, 2.0]), np.array([1.0, 0.5, 0.0])
    for circuit, cpr, cmd in (
        (model, 0.999, 0.0),
        (ablated, 0.0, 0.999),
        (2 * model - ablated, 1.998, 0.999),
    ):
        found = curve_areas(curve_of(np.repeat(circuit[None], 10, 0), model, ablated))
        assert found["cpr"].value == pytest.approx(cpr, abs=1e-12)
        assert found["cmd"].value == pytest.approx(cmd, abs=1e-12)
        assert found["cpr_clipped"].value == pytest.approx(min(cpr, 0.999), abs=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_cpr_and_cmd_of_any_curve_are_mibs_with_bootstrap_intervals(seed: int) -> None:
    """Against MIB's loop, and against resamples of the prompts drawn by a loop."""
    draw = np.random.default_rng(seed)
    model, ablated = draw.normal(3, 0.5, 6), draw.normal(0, 0.5, 6)
    values = draw.normal(1.5, 2.0, (10, 6))

    def heights(rows: np.ndarray) -> list[float]:
        top, bottom = model[rows].mean(), ablated[rows].mean()
        return [float((row[rows].mean() - bottom) / (top - bottom)) for row in values]

    def all_areas(rows: np.ndarray) -> tuple[float, float, float]:
        found = heights(rows)
        return *mib_areas(found), mib_areas([min(1.0, max(0.0, h)) for h in found])[0]

    found = curve_areas(curve_of(values, model, ablated), seed=seed)
    names = ("cpr", "cmd", "cpr_clipped")
    assert [found[n].value for n in names] == pytest.approx(all_areas(np.arange(6)), abs=1e-9)
    resamples = np.random.default_rng(seed).integers(6, size=(1000, 6))
    table = np.array([all_areas(rows) for rows in resamples])
    for at, name in enumerate(names):
        low, high = np.quantile(table[:, at], (0.025, 0.975))
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=1e-9)


def test_the_measure_chooses_mibs_circuits(case: Case) -> None:
    """int(share × edges) by |score|, pruned by hand, judged one by one: also where a size is 0."""
    scores = discover(case.model, case.task, "eap", metric="logit-diff")
    graph = case.model.graph
    bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"))
    found = run_to_completion(
        measure_steps("curve", MeasureInput(bench, Circuit.full(graph), scores))
    ).as_dict()
    names = sorted(graph.edge_names(graph.mask), key=lambda n: -abs(scores.values[graph.edge(n)]))
    counts = [int(share * len(names)) for share in MIB_SHARES]
    assert [p["asked"] for p in found["points"]] == counts
    heights, alone = [], FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"))
    for count, point in zip(counts, found["points"], strict=True):
        left = prune_by_hand(set(names[:count]), graph.shape.queries_per_kv_head)
        assert point["edges"] == len(left)
        evaluation = run_to_completion(alone.evaluate(Circuit.from_names(graph, left)))
        heights.append(evaluation.faithfulness.value)
    assert [p["value"] for p in found["points"]] == pytest.approx(heights, abs=1e-4)
    assert (found["cpr"], found["cmd"]) == pytest.approx(mib_areas(heights), abs=1e-4)
    assert found["areas"]["cpr"]["low"] <= found["cpr"] <= found["areas"]["cpr"]["high"]


def prune_by_hand(edges: set[str], group: int) -> set[str]:
    """Drop edges from nodes that nothing reaches and into nodes that lead nowhere, until all have both.

    group: query heads of a key-value head, whose receivers belong to each of them.
    """

    def owners(receiver: str) -> set[str]:
        layer, _, head = receiver.partition("<")[0].partition(".kv")
        return (
            {f"{layer}.h{int(head) * group + i}" for i in range(group)}
            if head
            else {receiver.partition("<")[0]}
        )

    while True:
        ends = {edge: (edge.split("->")[0], owners(edge.split("->")[1])) for edge in edges}
        read = {"input"}.union(*(nodes for _, nodes in ends.values()))
        live = {"logits"} | {start for start, _ in ends.values() if start in read}
        left = {edge for edge, (start, nodes) in ends.items() if start in live and nodes & live}
        if left == edges:
            return edges
        edges = left


def test_overlap_counts(demo: Case) -> None:
    graph = demo.model.graph
    left = Circuit.from_names(graph, ["input->m0", "m0->logits", "a0.h1->logits"])
    right = Circuit.from_names(graph, ["input->m0", "m0->logits", "m1->logits"])
    found = overlap(left, right)
    assert found["edges"] == {
        "shared": 2, "left": 1, "right": 1, "iou": 0.5, "precision": 2 / 3, "recall": 2 / 3,
    }  # fmt: skip
    values, truth = np.array([[3.0, 2.0, 2.0, 1.0]]), np.array([[True, True, False, False]])
    assert area_under_roc(values, truth, np.ones_like(truth)) == pytest.approx(3.5 / 4)


def test_ranking_against_a_reference_equals_its_definition() -> None:
    draw = np.random.default_rng(0)
    values, truth = draw.integers(-4, 5, (7, 9)).astype(float), draw.random((7, 9)) < 0.3
    mask = draw.random((7, 9)) < 0.8
    found = ranking_quality(SimpleNamespace(values=values), truth, mask)
    pairs = sorted(((abs(v), bool(t)) for v, t in zip(values[mask], truth[mask], strict=True)), reverse=True)
    average, before = 0.0, 0.0
    for threshold in sorted({v for v, _ in pairs}, reverse=True):
        kept = [t for v, t in pairs if v >= threshold]
        recall = sum(kept) / sum(t for _, t in pairs)
        average += (recall - before) * sum(kept) / len(kept)
        before = recall
    assert found["average_precision"] == pytest.approx(average)
    size = sum(t for _, t in pairs)
    kept = [t for v, t in pairs if v >= pairs[size - 1][0]]
    assert found["precision_at_size"] == pytest.approx(sum(kept) / len(kept))
    wins = [(v > w) + 0.5 * (v == w) for v, t in pairs for w, u in pairs if t and not u]
    assert found["auroc"] == pytest.approx(sum(wins) / len(wins))


def test_what_a_reference_is_silent_on_is_not_judged(demo: Case) -> None:
    graph = demo.model.graph
    left = Circuit.from_names(graph, ["input->m0", "m0->logits", "a0.h1->logits"])
    right = Circuit.from_names(graph, ["a0.h1->logits"])
    judged = graph.mask.copy()
    for s, r in np.argwhere(graph.mask):
        if "m" in graph.edge_name(s, r).replace("->", " ").split()[0] or graph.receivers[r][0] == "m":
            judged[s, r] = False
    found = overlap(left, right, ranked_edges=judged)
    assert found["edges"]["precision"] == 1.0 and found["nodes"]["precision"] == 1.0
    assert overlap(left, right)["edges"]["precision"] == pytest.approx(1 / 3)


def test_wrong_settings_are_told(demo: Case) -> None:
    from circuitviz.graph import Graph, ModelShape
    from circuitviz.tasks import PromptPair, Task

    full = Circuit.full(demo.model.graph)
    foreign = Circuit.full(Graph.transformer(ModelShape(2, 2, 8)))
    one_sided = Task.from_pairs(
        "one", [PromptPair("So Mary said that", "So John said that", (" she",))], demo.model.tokens
    )
    for wrong, says in (
        (lambda: evaluate(demo.model, demo.task, foreign), "belongs to a model of 2 layers"),
        (lambda: evaluate(demo.model, demo.task, full, "best"), "There is no metric"),
        (lambda: evaluate(demo.model, demo.task, full, ablation="none"), "There is no ablation"),
        (lambda: evaluate(demo.model, one_sided, full, "prob-diff"), "without incorrect"),
        (lambda: discover(demo.model, demo.task, "eap", metric="accuracy"), "needs a gradient"),
        (lambda: discover(demo.model, demo.task, "eap-ig", steps=0), "at least 1|from 1"),
        (lambda: discover(demo.model, demo.task, "eap-gi"), "Did you mean 'eap-ig'"),
    ):
        with pytest.raises(InputError, match=says):
            wrong()


def test_nan_in_the_weights_is_told() -> None:
    from slow_path import DEMO, plain
    from transformers import AutoTokenizer

    from circuitviz.models import from_hugging_face
    from circuitviz.tasks import load_task

    hf, broken = plain(DEMO), plain(DEMO)
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    model = from_hugging_face(hf, tokenizer, "gpt2")
    task = load_task("ioi", model, prompts=2)
    hf.transformer.h[1].mlp.c_fc.weight.data[0, 0] = float("nan")
    broken.transformer.h[1].mlp.c_fc.weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match="not numbers"):
        from_hugging_face(broken, tokenizer, "gpt2")
    with pytest.raises(InputError, match=r"not numbers|not a number"):
        discover(model, task, "eap")
    with pytest.raises(InputError, match="not a number"):
        evaluate(model, task, Circuit.full(model.graph))
