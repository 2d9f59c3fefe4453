"""Weighted edges against the patched pass at 0 and 1, and against the slow path in between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import logit_difference

from circuitviz.models import PatchedRun, record_activations, zero_activations
from circuitviz.models.buffers import BufferPool
from circuitviz.models.weighted_run import WeightedRun


def _run(case: Case, ablation: str = "corrupted") -> WeightedRun:
    at, model = case.task.lengths - 1, case.model
    values = zero_activations(model, model.empty_stream)
    if ablation == "corrupted":
        values = record_activations(model, case.task.corrupted, at)
        values.first_changed_position = case.task.first_changed_position
    return WeightedRun(model, case.task.clean, at, values, BufferPool())


def _random_weights(case: Case, seed: int) -> torch.Tensor:
    mask = torch.from_numpy(case.model.graph.mask.copy())
    return torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed)) * mask


def _slow_run(case: Case, weights: torch.Tensor, ablation: str = "corrupted", **restart: Any) -> Any:
    """Logits and senders' outputs; ``restart`` as in ``SlowModel.run``."""
    graph = case.model.graph

    def share_ablated(edge: str) -> float:
        return 1 - float(weights[graph.edge(edge)])

    edges = graph.edge_names(graph.mask)
    at, values = case.task.lengths - 1, case.slow_ablation(ablation)
    return case.slow.run(case.task.clean, at, values, edges, share_ablated, **restart)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_weights_of_0_and_1_are_the_patched_pass(case: Case, share: float) -> None:
    graph, at = case.model.graph, case.task.lengths - 1
    edges = graph.mask & (np.random.default_rng(3).random(graph.mask.shape) < share)
    values = record_activations(case.model, case.task.corrupted, at)
    right = PatchedRun(case.model, case.task.clean, at, values).logits(edges)
    found = _run(case).logits(torch.from_numpy(edges).to(right))
    assert torch.allclose(found, right, atol=2e-4)


@pytest.mark.parametrize("ablation", ["corrupted", "zero"])
def test_weights_in_between_mix_outputs_and_ablation_values(case: Case, ablation: str) -> None:
    weights = _random_weights(case, 4)
    found = _run(case, ablation).logits(weights)
    assert torch.allclose(found.double(), _slow_run(case, weights, ablation)[0], atol=3e-4)


def test_gradients_are_those_of_finite_differences(case: Case) -> None:
    """Two passes on the same memory: the second one's gradient is its own."""
    task, graph, run = case.task, case.model.graph, _run(case)
    for seed in (5, 6):
        weights = _random_weights(case, seed).requires_grad_()
        value = logit_difference(run.logits(weights), task.correct, task.incorrect).mean()
        (gradient,) = torch.autograd.grad(value, weights)
    size, step = float(gradient.abs().max()), 1e-4
    assert not gradient[~torch.from_numpy(graph.mask.copy())].any() and size > 1e-3
    places = np.random.default_rng(7).permutation(np.argwhere(graph.mask))[:12].tolist()
    outputs = _slow_run(case, weights.detach().double())[1]  # which layers before the edge's receiver keep
    for s, r in [*places, graph.edge("input->logits")]:
        start, pair = case.slow.first_layer(graph.receivers[r]), []
        for by in (-step, step):
            moved = weights.detach().double().clone()
            moved[s, r] += by
            logits, _ = _slow_run(case, moved, start=start, known=outputs)
            pair.append(float(logit_difference(logits, task.correct, task.incorrect).mean()))
        derivative = (pair[1] - pair[0]) / (2 * step)
        assert float(gradient[s, r]) == pytest.approx(derivative, rel=1e-2, abs=2e-5 * size)
