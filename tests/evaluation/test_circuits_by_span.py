"""Circuits by span, run against a slow forward pass that replaces each edge position by position."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import HALF_NAMES, NAMES, Case
from slow_path import logit_difference

from circuitviz.discovery import discover, make_setting
from circuitviz.errors import InputError
from circuitviz.evaluation import evaluate
from circuitviz.evaluation.direct_effects import measure_direct_effects
from circuitviz.evaluation.evaluate_circuit import make_bench
from circuitviz.graph import BoolMatrix, Circuit, Graph, Intervention
from circuitviz.graph.names import split_span
from circuitviz.models import PatchedRun, record_activations
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task, load_task

in_every_precision = pytest.mark.parametrize("case", [*NAMES, *HALF_NAMES], indirect=True)


def _graph(case: Case) -> Graph:
    return case.model.graph.with_spans(case.task.spans)


def _run(case: Case) -> PatchedRun:
    at, graph = case.task.lengths - 1, _graph(case)
    ablated = record_activations(case.model, case.task.corrupted, at)
    indices = case.task.span_indices(case.task.spans)
    return PatchedRun(case.model, case.task.clean, at, ablated, graph=graph, span_indices=indices)


def _chosen(graph: Graph, share: float, seed: int) -> BoolMatrix:
    return graph.mask & (np.random.default_rng(seed).random(graph.mask.shape) < share)


def _tokens_of(task: Task, span: str) -> torch.Tensor:
    """Which tokens are in a span, float [prompts, time, 1]."""
    mask = torch.zeros(*task.clean.shape, 1, dtype=torch.float64)
    for index in range(len(task)):
        for position, name in enumerate(task.span_names(index)):
            mask[index, position] = name == span
    return mask


def _slow_logits(case: Case, keep: BoolMatrix, **options: Any) -> torch.Tensor:
    """Each plain edge carries its ablation value at the tokens of the spans at which it is outside the circuit."""
    graph, theirs = _graph(case), case.slow_ablation("corrupted")
    masks = {span: _tokens_of(case.task, span) for span in graph.spans.names}
    amounts: dict[str, torch.Tensor] = {}
    for name in graph.edge_names(graph.mask & ~keep):
        sender, _, receiver = name.partition("->")
        component, span = split_span(sender)
        plain_receiver = receiver.replace(f"@{span}", "")
        edge = f"{component}->{plain_receiver}"
        amounts[edge] = amounts.get(edge, 0) + masks[span]
    return case.slow.run(
        case.task.clean, case.task.lengths - 1, theirs, set(amounts), amounts.__getitem__, **options
    )[0]


@in_every_precision
@pytest.mark.parametrize("share", [0.03, 0.5, 0.97])
def test_any_set_of_edges_at_spans_equals_the_slow_path(case: Case, share: float) -> None:
    keep = _chosen(_graph(case), share, seed=7)
    assert torch.allclose(_run(case).logits(keep).double(), _slow_logits(case, keep), atol=2e-4)


def test_one_edge_at_one_span_equals_the_slow_path(case: Case) -> None:
    graph, run, seen = _graph(case), _run(case), 0.0
    whole = run.logits(graph.mask.copy()).double()
    for s, r in np.random.default_rng(3).permutation(np.argwhere(graph.mask))[:25]:
        keep = graph.mask.copy()
        keep[s, r] = False
        found, expected = run.logits(keep).double(), _slow_logits(case, keep)
        assert torch.allclose(found, expected, atol=2e-4), graph.edge_name(s, r)
        seen = max(seen, float((expected - whole).abs().max()))
    assert seen > 1e-3


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_variants_of_one_receiver_at_one_span_equal_the_slow_path(case: Case, share: float) -> None:
    graph, random = _graph(case), np.random.default_rng(5)
    run, edges = _run(case), _chosen(graph, share, seed=5)
    kv = "kv" if case.model.shape.queries_per_kv_head > 1 else "h"
    names = ["a0.h1@S2<q>", "a2.h0@END<q>", f"a1.{kv}0@S2<k>", f"a1.{kv}1@END<v>", "m1@S2", "logits"]
    for receiver in (graph.receiver_index[name] for name in names if name in graph.receiver_index):
        columns = (random.random((3, len(graph.senders))) < 0.5) & graph.mask[:, receiver]
        for which, logits in run.variants(edges, receiver, columns):
            for number, ours in zip(which, logits.view(len(which), len(case.task), -1), strict=True):
                kept = edges.copy()
                kept[:, receiver] = columns[number]
                assert torch.allclose(ours.double(), _slow_logits(case, kept), atol=2e-4), receiver


@pytest.mark.parametrize("share", [0.05, 0.6, 1.0])
def test_a_circuit_with_all_spans_is_the_plain_circuit(case: Case, share: float) -> None:
    plain, graph = case.model.graph, _graph(case)
    edges = plain.mask & (np.random.default_rng(5).random(plain.mask.shape) < share)
    at_all_spans = graph.join_spans(np.repeat(edges[:, :, None], len(graph.spans), axis=2))
    circuits = Circuit(plain, edges), Circuit(graph, at_all_spans)
    assert circuits[1].n_component_edges == circuits[0].n_edges
    found = [evaluate(case.model, case.task, circuit, "logit-diff") for circuit in circuits]
    for name in ("circuit", "model", "ablated"):
        assert np.allclose(found[0].per_prompt[name], found[1].per_prompt[name], rtol=1e-5, atol=1e-5)


def test_restarting_in_the_middle_equals_a_fresh_run(case: Case) -> None:
    graph, random = _graph(case), np.random.default_rng(1)
    run, edges = _run(case), graph.mask.copy()
    for _ in range(6):
        changed = random.integers(graph.mask.shape[1])
        edges = edges.copy()
        edges[:, changed:] = graph.mask[:, changed:] & (random.random(edges[:, changed:].shape) < 0.5)
        assert torch.equal(run.logits(edges), _run(case).logits(edges))


def test_a_node_is_ablated_and_scaled_at_one_span(demo: Case) -> None:
    graph, task = _graph(demo), demo.task
    scores = discover(demo.model, task, "eap", by_span=True)
    circuit = scores.greedy(150)
    node = next(n for n in circuit.node_names if n.startswith("a1.") and n.endswith("@END"))
    bench = make_bench(make_setting(demo.model, task), graph, {}, allow_interventions=True)

    def slow_metric(keep: BoolMatrix, factor: float = 1.0) -> float:
        component, span = split_span(node)
        mask = _tokens_of(task, span)
        logits = _slow_logits(
            demo,
            keep,
            changed=lambda name, value: value * (1 + (factor - 1) * mask) if name == component else value,
        )
        return float(logit_difference(logits, task.correct, task.incorrect).mean())

    without = run_to_completion(bench.evaluate(circuit.ablate([node])))
    assert without.per_prompt["circuit"].mean() == pytest.approx(
        slow_metric(circuit.ablate([node]).edges), abs=1e-4
    )
    half = run_to_completion(bench.evaluate(circuit, {node: Intervention("scale", 0.5)}))
    assert half.per_prompt["circuit"].mean() == pytest.approx(slow_metric(circuit.edges, 0.5), abs=1e-4)
    last = run_to_completion(bench.evaluate(circuit, {node: Intervention("scale", 0.5, (-1,))}))
    assert last.per_prompt["circuit"].mean() == pytest.approx(
        half.per_prompt["circuit"].mean(), abs=1e-5
    )  # END is that position
    elsewhere = run_to_completion(bench.evaluate(circuit, {node: Intervention("scale", 0.5, (1,))}))
    whole = run_to_completion(bench.evaluate(circuit))
    assert elsewhere.per_prompt["circuit"].mean() == pytest.approx(
        whole.per_prompt["circuit"].mean(), abs=1e-5
    )
    assert abs(half.per_prompt["circuit"].mean() - whole.per_prompt["circuit"].mean()) > 1e-3
    mean = run_to_completion(bench.evaluate(circuit, {node: Intervention("corrupted")}))
    assert mean.per_prompt["circuit"].mean() == pytest.approx(without.per_prompt["circuit"].mean(), abs=1e-4)


def test_direct_effects_are_those_of_circuits_without_the_edge(demo: Case) -> None:
    graph, task = _graph(demo), demo.task
    circuit = discover(demo.model, task, "eap", by_span=True).greedy(80)
    bench = make_bench(make_setting(demo.model, task), graph, {})
    rows = np.flatnonzero(circuit.edges[:, -1])[:5].tolist()
    _, effects = run_to_completion(measure_direct_effects(bench, circuit.edges, rows, ""))
    whole = run_to_completion(bench.evaluate(circuit)).per_prompt["circuit"]
    for row, effect in zip(rows, effects, strict=True):
        name = graph.edge_name(row, len(graph.receivers) - 1)
        without = run_to_completion(bench.evaluate(circuit.ablate(edges=[name])))
        assert np.allclose(effect, whole - without.per_prompt["circuit"], atol=1e-5)


def test_prompts_with_other_spans_are_refused(demo: Case) -> None:
    circuit = Circuit.full(_graph(demo))
    other = load_task("gender", demo.model, prompts=3)
    with pytest.raises(InputError, match="have the span '.*'; the circuit has other, "):
        evaluate(demo.model, other, circuit)
    unnamed = Task.from_pairs("t", [replace(pair, spans=()) for pair in demo.task.pairs], demo.model.tokens)
    with pytest.raises(InputError, match="have the span 'p"):
        evaluate(demo.model, unnamed, circuit)
