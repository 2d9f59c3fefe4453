"""Scores by span: position by position against autograd, and all spans of an edge add up to its plain score."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Case
from slow_path import SlowModel, logit_difference

from circuitviz.discovery import discover, discover_steps, make_setting
from circuitviz.discovery.edge_contributions import read_edge_steps
from circuitviz.errors import InputError
from circuitviz.graph import Graph
from circuitviz.graph.names import split_edge_span
from circuitviz.progress import ProgressRunner, run_to_completion
from circuitviz.tasks import Task, load_task

METHODS = {
    "eap": {},
    "eap-ig": {"steps": 3},
    "eap-ig-activations": {"steps": 2},
    "clean-corrupted": {},
    "relp": {},
    "gim": {},
}


def _name_by_span(graph: Graph, edge: str, span: str) -> str:
    sender, _, receiver = edge.partition("->")
    component, channel = receiver.partition("<")[::2]
    at_span = "logits" if receiver == "logits" else f"{component}@{span}" + f"<{channel}" * bool(channel)
    return f"{sender}@{span}->{at_span}"


def _edges_of_each_kind(case: Case) -> list[str]:
    graph, last = case.model.graph, case.model.shape.n_layers - 1
    kv = "kv" if case.model.shape.queries_per_kv_head > 1 else "h"
    receivers = [f"a{last}.h1<q>", f"a{last}.{kv}1<k>", f"a{last}.{kv}0<v>", f"m{last}", "logits"]
    return [f"{s}->{r}" for r in receivers if r in graph.receiver_index for s in ("input", "a0.h1")]


def _slow_contributions(case: Case, edge: str, ablation: str, shares: list[float]) -> torch.Tensor:
    """(z_u − a_u) · the mean of ∂L/∂x_v over points, by autograd at the receiver's input [prompts, time]."""
    sender, _, receiver = edge.partition("->")
    task, embed = case.task, case.slow.hf.get_input_embeddings()
    delta = case.slow_outputs()[1][sender] - case.slow_ablation(ablation)[sender]
    begin = torch.zeros_like(embed(task.clean))  # of integrated gradients, under zero ablation
    run: Any = SlowModel.run.__wrapped__  # type: ignore[attr-defined]  # without no_grad
    total = torch.zeros(delta.shape[:2], dtype=torch.float64)
    for share in shares:
        push = torch.zeros_like(delta).requires_grad_()
        start = begin + share * (embed(task.clean) - begin)
        logits, _ = run(case.slow, task.clean, task.lengths - 1, begin=start, pushed={receiver: push})
        metric = logit_difference(logits, task.correct, task.incorrect).sum()
        (gradient,) = torch.autograd.grad(metric, push)
        total += (delta * gradient).sum(-1) / len(shares)
    return total


@pytest.mark.parametrize(
    ("method", "ablation"),
    [
        *(("eap", ablation) for ablation in ("corrupted", "zero", "mean", "mean-positional")),
        ("eap-ig", "zero"),
    ],
)
def test_a_score_is_the_sum_over_the_positions_of_its_span(case: Case, method: str, ablation: str) -> None:
    shares = [1.0] if method == "eap" else [0.0, 1 / 3, 2 / 3]
    scores = discover(case.model, case.task, method, "logit-diff", ablation, by_span=True, **METHODS[method])
    graph, largest = scores.graph, np.abs(scores.values).max()
    spans = case.task.spans
    assert graph.spans == spans and len(spans) > 3
    for edge in _edges_of_each_kind(case):
        expected = dict.fromkeys(spans.names, 0.0)
        contributions = _slow_contributions(case, edge, ablation, shares)
        for index in range(len(case.task)):
            for position, span in enumerate(case.task.span_names(index)):
                expected[span] += float(contributions[index, position]) / len(case.task)
        for span, value in expected.items():
            name = _name_by_span(graph, edge, span)
            if edge.endswith("logits") and span != "END":
                assert abs(value) <= 1e-12 * largest
                continue
            assert scores.values[graph.edge(name)] == pytest.approx(value, rel=1e-3, abs=1e-4 * largest), name


@pytest.mark.parametrize("method", METHODS)
def test_the_spans_of_an_edge_add_up_to_its_plain_score(case: Case, method: str) -> None:
    task = case.task.subset(range(2))
    plain = discover(case.model, task, method, **METHODS[method])
    by_span = discover(case.model, task, method, by_span=True, **METHODS[method])
    sums = by_span.graph.split_spans(by_span.values).sum(axis=2)
    assert np.allclose(sums, plain.values, rtol=0, atol=1e-6 * np.abs(plain.values).max())
    assert by_span.method == method and not by_span.values[~by_span.graph.mask].any()


@pytest.mark.parametrize("method", ["relp", "gim"])
def test_other_backward_rules_by_position(demo: Case, method: str) -> None:
    """A prompt without named spans has one for each position; the reading of an edge tells them apart, too."""
    task = load_task("ioi", demo.model, prompts=1, corruption="random-names")
    task = Task.from_pairs("ioi", [replace(task.pairs[0], spans=())], demo.model.tokens)
    scores = discover(demo.model, task, method, by_span=True)
    assert scores.graph.spans.names[:2] == ("p0", "p1")
    for edge in _edges_of_each_kind(demo):
        found = run_to_completion(read_edge_steps(make_setting(demo.model, task), edge, 0, method))
        for position, (span, value) in enumerate(zip(task.span_names(0), found.positions, strict=True)):
            if not edge.endswith("logits") or position == len(found.positions) - 1:
                score = scores.values[scores.graph.edge(_name_by_span(scores.graph, edge, span))]
                assert score == pytest.approx(value, abs=1e-6 * np.abs(scores.values).max())


def test_partial_scores_and_choices_are_by_span(demo: Case) -> None:
    demo.model.max_batch_prompts = 2
    try:
        runner = ProgressRunner(discover_steps(demo.model, demo.task, "eap", by_span=True))
        partial = [step.partial for step in runner if step.partial is not None]
    finally:
        demo.model.max_batch_prompts = None
    assert len(partial) == 3 and all(part.partial and part.graph.spans is not None for part in partial)
    assert np.allclose(partial[-1].values, runner.result.values)
    first = discover(demo.model, demo.task.subset(range(2)), "eap", by_span=True)
    assert np.allclose(
        partial[0].graph.split_spans(partial[0].values).sum(2), first.graph.split_spans(first.values).sum(2)
    )
    for rule in ("greedy", "top", "signed"):
        circuit = runner.result.select(rule, 60)
        assert circuit.pruned() == circuit and (circuit.n_edges == 60 or rule != "greedy")
        assert 0 < circuit.n_component_edges <= circuit.n_edges


class _SlowAblation:
    """The metric's mean with edges at spans ablated, each at the tokens of its span."""

    def __init__(self, case: Case) -> None:
        self.case, task = case, case.task
        _, self.corrupted = case.slow.run(task.corrupted, task.lengths - 1)
        self.tokens = {span: torch.zeros(*task.clean.shape, 1).double() for span in task.spans.names}
        for index in range(len(task)):
            for position, span in enumerate(task.span_names(index)):
                self.tokens[span][index, position] = 1.0

    def metric_without(self, removed: Collection[str]) -> float:
        task, amounts = self.case.task, dict[str, torch.Tensor]()
        for name in removed:
            edge, span = split_edge_span(name)
            amounts[edge] = amounts[edge] + self.tokens[span] if edge in amounts else self.tokens[span]
        at = task.lengths - 1
        logits, _ = self.case.slow.run(task.clean, at, self.corrupted, amounts, amounts.__getitem__)
        return float(logit_difference(logits, task.correct, task.incorrect).mean())


def test_exact_effects_by_span_are_those_of_one_edge_at_one_span(case: Case) -> None:
    kv, last = ("kv" if case.model.shape.queries_per_kv_head > 1 else "h"), case.model.shape.n_layers - 1
    span = case.task.spans.names[-2]
    asked = [f"a{last}.h1@END<q>", f"a1.{kv}0<k>", f"a1.{kv}1@{span}<v>", f"m{last}@END", "logits"]
    asked = [name for name in asked if name[0] != "m" or case.slow.mlps]
    found = discover(case.model, case.task, "exact", "logit-diff", by_span=True, receivers=",".join(asked))
    graph, largest = found.graph, np.abs(found.values).max()
    assert graph.spans == case.task.spans and found.examined is not None
    read = {r for r in graph.receivers if r in asked or (r.startswith(f"a1.{kv}0@") and r.endswith("<k>"))}
    assert np.array_equal(found.examined, graph.mask & [r in read for r in graph.receivers])
    slow = _SlowAblation(case)
    whole, n_different = slow.metric_without(()), 0
    edges = sorted(np.argwhere(found.examined).tolist(), key=lambda edge: -abs(found.values[tuple(edge)]))
    for s, r in (*edges[:6], *edges[6 :: len(edges) // 6]):
        effect = whole - slow.metric_without([graph.edge_name(s, r)])
        assert found.values[s, r] == pytest.approx(effect, abs=2e-4), graph.edge_name(s, r)
        n_different += abs(effect) > 0.01 * largest
    assert n_different > 1


def test_acdc_by_span_decides_as_trying_edges_one_by_one(demo: Case) -> None:
    """The naive algorithm on the edges that EAP chooses by span: one slow forward for each edge at each span."""
    setting = make_setting(demo.model, demo.task, "logit-diff", by_span=True)
    graph, tau = setting.graph, 0.02
    options = {"preselect": 16, "tau": tau, "judge": "metric"}
    found = discover(demo.model, demo.task, "acdc", "logit-diff", by_span=True, **options)
    chosen = discover(demo.model, demo.task, "eap", "logit-diff", by_span=True).greedy(16).edges
    assert np.array_equal(found.examined, chosen)
    slow, removed = _SlowAblation(demo), set(graph.edge_names(graph.mask & ~chosen))
    current, kept = slow.metric_without(removed), set()
    for receiver in reversed(range(len(graph.receivers))):
        for sender in np.flatnonzero(chosen[:, receiver])[::-1]:
            name = graph.edge_name(int(sender), receiver)
            now = slow.metric_without(removed | {name})
            assert abs(current - now - tau) > 1e-4, f"{name} is too near to the threshold to be decided"
            if current - now < tau:
                removed.add(name)
                current = now
            else:
                kept.add(name)
                assert found.values[sender, receiver] == pytest.approx(current - now, abs=2e-4)
    assert kept == set(graph.edge_names(found.values >= tau)) and len(kept) > 3
    assert any(split_edge_span(name)[1] != "END" for name in kept)


def test_methods_without_scores_by_span_refuse_them(demo: Case) -> None:
    with pytest.raises(
        InputError, match="'path-patching' does not score edges by span; .*acdc, .*eap-ig.* do"
    ):
        discover_steps(demo.model, demo.task, "path-patching", by_span=True)
