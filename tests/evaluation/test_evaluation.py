"""Faithfulness at its ends, intervals, the curve, overlap, and what cannot be measured."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import logit_difference

from circuitviz.discovery import discover, setting
from circuitviz.errors import InputError
from circuitviz.evaluation import (
    Bench,
    area_under_roc,
    areas,
    bootstrap,
    curve_steps,
    evaluate,
    overlap,
    ranking,
)
from circuitviz.graph import Circuit
from circuitviz.progress import finish


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
    from circuitviz.tasks import Pair, Task

    same = Pair("So Mary said that", "So Mary said that", (" she",), (" he",))
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
        found = bootstrap((top, bottom), lambda a, b: a / b, seed)
        hits += found.low <= 0.5 <= found.high
    assert hits >= 33


def test_the_curve_ends_at_1_and_areas_are_trapezoids(demo: Case) -> None:
    scores = discover(demo.model, demo.task, "eap")
    counts = [20, 300, demo.model.graph.n_edges]
    points = finish(curve_steps(Bench(setting(demo.model, demo.task)), scores, counts=counts))
    assert [p.edges for p in points] == counts
    assert points[-1].faithfulness.value == 1.0
    one = evaluate(demo.model, demo.task, scores.greedy(300))
    assert points[1].faithfulness.value == pytest.approx(one.faithfulness.value, abs=1e-5)
    x = [0.0, *(c / counts[-1] for c in counts)]
    y = [0.0, *(p.faithfulness.value for p in points)]
    area = sum((b - a) * (p + q) / 2 for a, b, p, q in zip(x, x[1:], y, y[1:], strict=False))
    assert areas(points, counts[-1])["cpr"] == pytest.approx(area)


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
    found = ranking(SimpleNamespace(values=values), truth, mask)
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
    wins = [
        (v > w) + 0.5 * (v == w) for v, t in pairs for w, u in pairs if t and not u
    ]
    assert found["auroc"] == pytest.approx(sum(wins) / len(wins))


def test_what_a_reference_is_silent_on_is_not_judged(demo: Case) -> None:
    graph = demo.model.graph
    left = Circuit.from_names(graph, ["input->m0", "m0->logits", "a0.h1->logits"])
    right = Circuit.from_names(graph, ["a0.h1->logits"])
    judged = graph.mask.copy()
    for s, r in np.argwhere(graph.mask):
        if "m" in graph.edge_name(s, r).replace("->", " ").split()[0] or graph.receivers[r][0] == "m":
            judged[s, r] = False
    found = overlap(left, right, judged=judged)
    assert found["edges"]["precision"] == 1.0 and found["nodes"]["precision"] == 1.0
    assert overlap(left, right)["edges"]["precision"] == pytest.approx(1 / 3)


def test_wrong_settings_are_told(demo: Case) -> None:
    from circuitviz.graph import Graph, Shape
    from circuitviz.tasks import Pair, Task

    full = Circuit.full(demo.model.graph)
    foreign = Circuit.full(Graph.transformer(Shape(2, 2, 8)))
    one_sided = Task.from_pairs(
        "one", [Pair("So Mary said that", "So John said that", (" she",))], demo.model.tokens
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
