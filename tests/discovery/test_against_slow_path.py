"""The engine's numbers against an independent slow path, on several families of models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import HALF_NAMES, NAMES, Case
from slow_path import logit_difference

from circuitviz.discovery import discover, make_setting
from circuitviz.discovery.exact_patching import measure_edge_effects
from circuitviz.models import PatchedRun, record_activations, zero_activations
from circuitviz.progress import run_to_completion

in_every_precision = pytest.mark.parametrize("case", [*NAMES, *HALF_NAMES], indirect=True)


def _slow_metric(case: Case, logits: torch.Tensor) -> torch.Tensor:
    return logit_difference(logits, case.task.correct, case.task.incorrect)


def _engine_run(case: Case) -> PatchedRun:
    at = case.task.lengths - 1
    return PatchedRun(
        case.model, case.task.clean, at, record_activations(case.model, case.task.corrupted, at)
    )


def _edges(case: Case, number: int, seed: int) -> list[tuple[int, int]]:
    places = np.argwhere(case.model.graph.mask)
    chosen = np.random.default_rng(seed).permutation(len(places))[:number]
    return [(int(s), int(r)) for s, r in places[chosen]]


@in_every_precision
def test_no_edge_patched_is_the_model_and_all_edges_the_corrupted_run(case: Case) -> None:
    clean, _, corrupted, _ = case.slow_outputs()
    run, graph = _engine_run(case), case.model.graph
    assert torch.allclose(run.logits(graph.mask.copy()).double(), clean, atol=1e-4)
    nothing = run.logits(np.zeros_like(graph.mask)).double()
    assert torch.allclose(nothing, corrupted, atol=1e-4)
    assert (clean - corrupted).abs().max() > 1e-2


@in_every_precision
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_any_set_of_edges_equals_the_slow_path(case: Case, share: float) -> None:
    _, _, _, theirs = case.slow_outputs()
    graph = case.model.graph
    keep = graph.mask & (np.random.default_rng(7).random(graph.mask.shape) < share)
    out = set(graph.edge_names(graph.mask & ~keep))
    slow, _ = case.slow.run(case.task.clean, case.task.lengths - 1, theirs, out)
    assert torch.allclose(_engine_run(case).logits(keep).double(), slow, atol=2e-4)


@in_every_precision
def test_zero_ablation_takes_all_that_a_sender_writes(case: Case) -> None:
    """An MLP's output bias, too; positions and attention's output biases are no sender's and stay."""
    graph, at = case.model.graph, case.task.lengths - 1
    _, ours, _, _ = case.slow_outputs()
    nothing = {name: torch.zeros_like(value) for name, value in ours.items()}
    keep = graph.mask & (np.random.default_rng(8).random(graph.mask.shape) < 0.5)
    out = set(graph.edge_names(graph.mask & ~keep))
    slow, _ = case.slow.run(case.task.clean, at, nothing, out)
    values = zero_activations(case.model, case.model.unembedding)
    fast = PatchedRun(case.model, case.task.clean, at, values).logits(keep)
    assert torch.allclose(fast.double(), slow, atol=2e-4)


def test_restarting_in_the_middle_equals_a_fresh_run(case: Case) -> None:
    graph, random = case.model.graph, np.random.default_rng(1)
    run, edges = _engine_run(case), graph.mask.copy()
    for _ in range(12):
        changed = random.integers(graph.mask.shape[1])
        edges = edges.copy()
        edges[:, changed:] = graph.mask[:, changed:] & (
            random.random(edges[:, changed:].shape) < random.random()
        )
        assert torch.equal(run.logits(edges), _engine_run(case).logits(edges))


@in_every_precision
def test_exact_effect_of_200_edges_one_at_a_time(case: Case) -> None:
    graph, at, task = case.model.graph, case.task.lengths - 1, case.task
    clean, ours, _, theirs = case.slow_outputs()
    whole = _slow_metric(case, clean).mean()
    edges = _edges(case, 200, seed=2)
    found = run_to_completion(
        measure_edge_effects(make_setting(case.model, task, "logit-diff"), edges)
    ).values
    seen = 0.0
    for s, r in edges:
        name = graph.edge_name(s, r)
        start = case.slow.first_layer(graph.receivers[r])
        logits, _ = case.slow.run(task.clean, at, theirs, {name}, start=start, known=ours)
        effect = float(whole - _slow_metric(case, logits).mean())
        assert found[s, r] == pytest.approx(effect, abs=1e-4), name
        seen = max(seen, abs(effect))
    assert seen > 1e-2


@in_every_precision
@pytest.mark.parametrize(("ablation", "number"), [("corrupted", 50), ("zero", 12)])
def test_eap_is_the_derivative_along_each_edge(
    case: Case, ablation: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under zero ablation every position counts, and where nothing normalises (``plain``) or one norm serves
    attention and MLP, the MLP's input is not the stream that others read. The same holds where the backward
    pass goes block by block."""
    graph, at, task = case.model.graph, case.task.lengths - 1, case.task
    ours, theirs = case.slow_outputs()[1], case.slow_ablation(ablation)
    scores = discover(case.model, task, "eap", metric="logit-diff", ablation=ablation).values
    _keep_one_block(monkeypatch)
    scores_by_block = discover(case.model, task, "eap", metric="logit-diff", ablation=ablation).values
    size, step = np.abs(scores).max(), 1e-4
    for s, r in _edges(case, number, seed=4):
        name, values = graph.edge_name(s, r), []
        for by in (-step, step):
            begin = {"start": case.slow.first_layer(graph.receivers[r]), "known": ours}
            logits, _ = case.slow.run(task.clean, at, theirs, {name}, lambda _, by=by: by, **begin)
            values.append(_slow_metric(case, logits).mean())
        derivative = float(values[0] - values[1]) / (2 * step)
        for found in (scores, scores_by_block):
            assert found[s, r] == pytest.approx(derivative, rel=1e-2, abs=1e-5 * size), name


def _keep_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """No attention pattern fits into memory: the backward pass computes each block anew."""
    monkeypatch.setattr("circuitviz.discovery.gradients.batch_budget_bytes", lambda device: 0)


@pytest.mark.parametrize(
    "method", ["eap", "eap-ig", "eap-ig-activations", "clean-corrupted", "attribution-patching", "gim"]
)
def test_gradients_block_by_block_are_those_of_the_whole_pass(
    case: Case, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = case.task.subset(range(2))
    whole = discover(case.model, task, method)
    _keep_one_block(monkeypatch)
    by_block = discover(case.model, task, method)
    assert np.allclose(whole.values, by_block.values, rtol=0, atol=1e-5 * np.abs(whole.values).max())
    if whole.positions is not None:
        assert np.allclose(whole.positions, by_block.positions, atol=1e-5 * np.abs(whole.positions).max())


def test_scores_out_of_the_input_add_up_as_integrated_gradients_must(case: Case) -> None:
    clean, _, corrupted, _ = case.slow_outputs()
    change = float((_slow_metric(case, clean) - _slow_metric(case, corrupted)).mean())
    errors = []
    for steps in (5, 80):
        options = {"metric": "logit-diff", "steps": steps, "rule": "midpoint"}
        scores = discover(case.model, case.task, "eap-ig", **options)
        errors.append(abs(float(scores.values[0].sum()) - change))
    assert errors[1] <= 2e-3 * abs(change)
    assert errors[1] < errors[0]


def test_eap_ig_rules_walk_the_path_as_they_say(case: Case) -> None:
    """With one step: left takes the gradient at the corrupted input, right at the clean one."""
    right = discover(case.model, case.task, "eap-ig", steps=1, rule="right")
    eap = discover(case.model, case.task, "eap")
    assert np.allclose(right.values, eap.values, atol=1e-5 * np.abs(eap.values).max())
    left = discover(case.model, case.task, "eap-ig", steps=1, rule="left")
    assert not np.allclose(left.values, eap.values, atol=1e-2 * np.abs(eap.values).max())


@pytest.mark.parametrize("method", ["eap", "eap-ig"])
def test_scores_do_not_depend_on_the_batch_size(
    demo: Case, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = discover(demo.model, demo.task, method)
    monkeypatch.setattr(demo.model, "max_batch_prompts", 1)
    single = discover(demo.model, demo.task, method)
    assert np.allclose(whole.values, single.values, atol=1e-5 * np.abs(whole.values).max())


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_variants_of_one_receiver_equal_runs_of_their_own(case: Case, share: float) -> None:
    """Every kind of receiver, under a circuit: batched from its layer on against the slow path."""
    graph, task, random = case.model.graph, case.task, np.random.default_rng(5)
    at = task.lengths - 1
    _, _, _, theirs = case.slow_outputs()
    edges = graph.mask & (random.random(graph.mask.shape) < share)
    _, outputs = case.slow.run(task.clean, at, theirs, set(graph.edge_names(graph.mask & ~edges)))
    run = _engine_run(case)
    names = ["a0.h1<q>", "a2.h0<q>", "a2.h3<q>", "logits"]
    names += [n for n in graph.receivers if n.startswith(("a1", "m1")) and n.endswith(("0<k>", "1<v>", "m1"))]
    for name in names:
        receiver, start = graph.receiver_index[name], case.slow.first_layer(name)
        columns = (random.random((5, len(graph.senders))) < 0.5) & graph.mask[:, receiver]
        for which, logits in run.variants(edges, receiver, columns):
            for number, ours in zip(which, logits.view(len(which), len(at), -1), strict=True):
                kept = edges.copy()
                kept[:, receiver] = columns[number]
                out = set(graph.edge_names(graph.mask & ~kept))
                slow, _ = case.slow.run(task.clean, at, theirs, out, start=start, known=outputs)
                assert torch.allclose(ours.double(), slow, atol=2e-4), name
