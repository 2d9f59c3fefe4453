"""Learned rankings: the soft top-k by itself, and a training written out on the slow path."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from conftest import Case

from circuitviz.discovery import discover, discover_steps, make_setting
from circuitviz.discovery.soft_top_k import soft_top_k
from circuitviz.evaluation import FaithfulnessBench
from circuitviz.evaluation.curve import curve_areas, measure_curve_steps
from circuitviz.graph import Scores
from circuitviz.progress import run_to_completion


def test_the_soft_top_k_sums_to_k_and_has_the_gradient_of_its_definition() -> None:
    draw = torch.Generator().manual_seed(0)
    scores = torch.randn(40, dtype=torch.float64, generator=draw).requires_grad_()
    for k in (1, 7, 39):
        mask = soft_top_k(scores, k, 0.5)
        assert float(mask.sum().detach()) == pytest.approx(k, abs=1e-9)
        assert torch.equal(mask.argsort(), scores.argsort()) and mask.min() > 0 and mask.max() < 1
        assert torch.autograd.gradcheck(lambda s, k=k: soft_top_k(s, k, 0.5), scores)
    hard = soft_top_k(scores, 7, 1e-4)
    assert torch.equal(hard > 0.5, scores >= scores.sort().values[-7])
    everything = soft_top_k(scores, 40, 0.5)
    (gradient,) = torch.autograd.grad(everything.sum(), scores)
    assert torch.allclose(everything, torch.ones_like(scores)) and gradient.isfinite().all()


def _slow_training(case: Case, steps: int, seed: int) -> torch.Tensor:
    """Adam on masks by a root found with NumPy; gradients of the loss by differences of slow runs."""
    graph, task, at = case.model.graph, case.task, case.task.lengths - 1
    clean, _, _, theirs = case.slow_outputs()
    reference, n_nodes = clean.log_softmax(-1), len(graph.senders)
    edges = graph.edge_names(graph.mask)

    def loss(scores: np.ndarray, k: int) -> float:
        low, high = scores.min() - 30, scores.max() + 30
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (
                (middle, high) if (1 / (1 + np.exp((middle - scores) / 0.5))).sum() > k else (low, middle)
            )
        mask = dict(zip(graph.senders, 1 / (1 + np.exp((low - scores) / 0.5)), strict=True))
        logits, _ = case.slow.run(
            task.clean, at, theirs, edges, lambda edge: 1 - float(mask[edge.partition("->")[0]])
        )
        return float((reference.exp() * (reference - logits.log_softmax(-1))).sum(-1).mean())

    scores, first, second, draw = np.zeros(n_nodes), np.zeros(n_nodes), np.zeros(n_nodes), random.Random(seed)
    for step in range(1, steps + 1):
        k, gradient = draw.randint(1, n_nodes), np.zeros(n_nodes)
        for i in range(n_nodes):
            pair = []
            for by in (-1e-4, 1e-4):
                moved = scores.copy()
                moved[i] += by
                pair.append(loss(moved, k))
            gradient[i] = (pair[1] - pair[0]) / 2e-4
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        scores -= 0.05 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return torch.from_numpy(scores)


def test_training_is_adam_on_soft_masks(demo: Case) -> None:
    """Two steps over nodes, of which the order of the trained scores is seen."""
    case, steps = Case(demo.name, demo.model, demo.slow, demo.task.subset([0])), 2
    found = discover(
        case.model,
        case.task,
        "learned-ranking",
        metric="logit-diff",
        units="nodes",
        start="zero",
        training_steps=steps,
    )
    graph = case.model.graph
    slow = _slow_training(case, steps, seed=0).numpy()
    attribution = np.abs(found.node_scores())
    assert attribution.max() == pytest.approx(1.0)
    for better, worse in np.argwhere(slow[:, None] > slow[None] + 1e-3):
        assert attribution[better] > attribution[worse], (graph.senders[better], graph.senders[worse])
    assert slow.max() > slow.min() + 0.05
    eap_ig = discover(case.model, case.task, "eap-ig", metric="logit-diff").values
    of_nodes = np.where(graph.mask, eap_ig, 0).sum(axis=1)
    assert np.array_equal(found.node_scores() < 0, of_nodes < 0) and not found.are_effects


def _cmd(case: Case, scores: Scores) -> float:
    """The area between the faithfulness curve and that of the model: less is better."""
    bench = FaithfulnessBench(make_setting(case.model, case.task, "logit-diff"))
    points = run_to_completion(measure_curve_steps(bench, scores))
    return curve_areas(points)["cmd"].value


def test_training_improves_on_where_it_starts_and_shows_every_step(demo: Case) -> None:
    start = discover(demo.model, demo.task, "eap-ig", metric="logit-diff")
    steps, partials = (
        discover_steps(demo.model, demo.task, "learned-ranking", metric="logit-diff", training_steps=60),
        [],
    )
    try:
        while True:
            step = next(steps)
            if isinstance(step.partial, Scores):
                partials.append(step.partial)
    except StopIteration as end:
        trained = end.value
    assert len(partials) == 60 and all(partial.partial for partial in partials)
    assert np.array_equal(partials[-1].values, trained.values)
    assert trained.greedy(100).n_edges == 100
    mask = demo.model.graph.mask
    sizes, after_a_step = np.abs(start.values[mask]), np.abs(partials[0].values[mask])
    ranks = np.searchsorted(np.sort(sizes), sizes, side="right") / len(sizes)
    moved = np.abs(after_a_step - ranks)
    assert 0 < moved.max() <= 2 * 0.05 / 10 + 1e-9  # Adam's first step is 0.05, of scores from −5 to 5
    assert _cmd(demo, trained) < _cmd(demo, start)
