"""A circuit of features as it is on the screen, put to the real model: one prompt, judged by its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitviz import features, training
from circuitviz.document.attribution_query import LOGIT_DIFF_TARGET, AttributionQuery
from circuitviz.document.state import State
from circuitviz.graph import (
    Evaluation,
    Interval,
    Intervention,
    Interventions,
    NodeKind,
    PromptDetails,
    TargetChange,
)
from circuitviz.progress import Progress, ProgressSteps

if TYPE_CHECKING:
    from circuitviz.workbench.prompt_session import PromptSession

MASKED_KINDS = (
    NodeKind.FEATURE,
    NodeKind.NEURON,
    NodeKind.HEAD,
    NodeKind.MLP,
)  # outside a circuit these have their ablation values
MEAN_PASSAGES = 24  # of the demo's own text, about 480 tokens, that means are taken over
N_TOP_TOKENS = 5  # tokens
MAX_RESPONSES = 8


@dataclass(frozen=True)
class PromptEvaluationRequest:
    """What is measured of a state.

    nodes: names of those in the circuit; out: those taken out; changed: what others are made to be;
    ablation: what everything outside is put to; errors: ``kept`` or ``dropped``;
    n_edges: how many there are, for the record.
    """

    query: AttributionQuery
    nodes: tuple[str, ...]
    ablated: tuple[str, ...] = ()
    interventions: Interventions = field(default_factory=dict)
    ablation: str = "zero"
    errors: str = "kept"
    n_edges: int = 0

    @staticmethod
    def from_state(state: State) -> PromptEvaluationRequest | None:
        """A state's trial; None where it is no circuit of features of one prompt.

        A node whose every edge is out is out itself: such a circuit is judged by its nodes.
        """
        query = state.query
        if query is None or state.circuit is None:
            return None
        circuit, graph = state.circuit, state.circuit.graph
        out = set(state.ablated_nodes)
        if state.ablated_edges:
            left = circuit.ablate((), state.ablated_edges).edges.any(axis=1)
            mute = np.flatnonzero(circuit.edges.any(axis=1) & ~left)
            out |= {graph.senders[row] for row in mute}
        free = {n.name for n in graph.nodes[: len(graph.senders)] if not n.kind.is_fixed}
        inside = tuple(name for name in circuit.node_names if name in free and name not in out)
        taken = tuple(name for name in circuit.node_names if name in free & out)
        changed = {name: what for name, what in state.active_interventions.items() if name in free - out}
        edges = 0 if state.live_circuit is None else state.live_circuit.n_edges
        return PromptEvaluationRequest(query, inside, taken, changed, query.ablation, query.errors, edges)

    def output_factors(
        self, activations: Mapping[str, float], ablation_values: Mapping[str, float]
    ) -> dict[str, float]:
        """How much of its own output each touched node has, to first order.

        activations: by node, for those that are set; left: what nodes have under the trial's ablation, where
        it is known; else it counts as nothing.
        """
        found = {name: ablation_values.get(name, 0.0) for name in self.ablated}
        for name, what in self.interventions.items():
            own = float(activations.get(name, 0.0))
            set_to = what.amount / own if own else 1.0
            ablated = ablation_values.get(name, 0.0) if what.value == self.ablation else 0.0
            found[name] = {"scale": what.amount, "set": set_to}.get(what.value, ablated)
        return found

    @property
    def unmodified_nodes(self) -> list[str]:
        """Nodes inside that nothing was done to."""
        return [name for name in self.nodes if name not in self.interventions]

    def model_interventions(self) -> Interventions:
        """What is done to nodes in the whole model: those out take the ablation, others their own value."""
        ablated = {name: Intervention(self.ablation) for name in self.ablated}
        return {**ablated, **self.interventions}


def open_bench(session: PromptSession) -> features.PromptBench:
    """What the open query's circuits are measured on; made once a target and corrupted prompt."""
    query = session.query
    key = (query.target_key, query.is_graph, query.corrupted)
    if session.cached_bench is None or session.cached_bench[0] != key:
        references: dict[str, Any] = {"mean": partial(_mean_runs, session)}
        if query.corrupted:
            references["corrupted"] = partial(_corrupted_runs, session)
        name = query.metric if query.target == LOGIT_DIFF_TARGET else ""
        session.cached_bench = (key, features.PromptBench(session.table, session.target, references, name))
    return session.cached_bench[1]


def describe_mean(query: AttributionQuery) -> str:
    """Over what the ablation ``mean`` averages, in words."""
    if query.model == "demo":
        return f"{MEAN_PASSAGES} passages of the demo's text"
    return "the prompt and its corrupted partner" if query.corrupted else "the prompt's own positions"


def evaluate_prompt_request(
    session: PromptSession, request: PromptEvaluationRequest
) -> ProgressSteps[Evaluation]:
    """Measure a circuit on its prompt; there is no interval, because there is one prompt.

    A partial result has the faithfulness alone.
    """
    bench, ablation, errors = open_bench(session), request.ablation, request.errors
    yield Progress(0, 5, "everything ablated")
    bench.ablated_value(ablation, errors)
    yield Progress(1, 5, "the circuit")
    first = measure_circuit_values(bench, request)
    yield Progress(2, 5, "everything but the circuit", _make_evaluation(bench, request, first, None))
    complement = bench.circuit_value(request.nodes, ablation, errors, is_complement=True)
    judged = replace(first, complement=complement)
    yield Progress(3, 5, "the circuit with attention frozen", _make_evaluation(bench, request, judged, None))
    frozen = None
    interventions = request.model_interventions()
    if bench.table.run.model.can_set_patterns:
        inside = _changes_inside(bench, request)
        held = bench.circuit_value(request.nodes, ablation, errors, inside, "frozen")
        held_ablated = bench.ablated_value(ablation, errors, "frozen")
        frozen = replace(first, ablated=held_ablated, circuit=held).faithfulness
    target: TargetChange | None = None
    if interventions:
        yield Progress(4, 5, "predicted and measured")
        changes = bench.resolve_interventions(interventions)
        run = bench.run_with_changes(changes, errors)
        start = bench.baseline_value(errors)
        target = TargetChange(
            bench.target_name,
            start,
            features.predicted_change(bench.table, bench.target, changes),
            features.frozen_change(bench.table, bench.target, changes),
            features.target_value_in(run, bench.table, bench.target) - start,
            _top_tokens(bench.run_with_changes((), errors)),
            _top_tokens(run),
            tuple(bench.feature_responses(run, request.unmodified_nodes)[:MAX_RESPONSES]),
        )
    return _make_evaluation(bench, request, judged, target, frozen)


def measure_circuit_values(
    bench: features.PromptBench, request: PromptEvaluationRequest
) -> features.PromptCircuitValues:
    """Measure what faithfulness is made of; the complement is left NaN."""
    ablation, errors = request.ablation, request.errors
    ablated = bench.ablated_value(ablation, errors)
    circuit = bench.circuit_value(request.nodes, ablation, errors, _changes_inside(bench, request))
    return features.PromptCircuitValues(bench.target.value, ablated, circuit, float("nan"))


def _changes_inside(
    bench: features.PromptBench, request: PromptEvaluationRequest
) -> Sequence[features.NodeChange]:
    """What is done to nodes of the circuit, and to those out of it that no mask ablates."""
    ablated = {
        name: Intervention(request.ablation)
        for name in request.ablated
        if _node_kind(bench, name) not in MASKED_KINDS
    }
    return bench.resolve_interventions({**request.interventions, **ablated})


def _make_evaluation(
    bench: features.PromptBench,
    request: PromptEvaluationRequest,
    values: features.PromptCircuitValues,
    target: TargetChange | None,
    frozen_faithfulness: float | None = None,
) -> Evaluation:
    return Evaluation(
        Interval(values.faithfulness),
        values.circuit,
        values.model,
        values.ablated,
        bench.target_name,
        request.ablation,
        prompts=1,
        seed=0,
        edges=request.n_edges,
        nodes=len(request.nodes),
        prompt=PromptDetails(
            None if np.isnan(values.complement) else values.completeness,
            request.errors,
            describe_mean(request.query) if request.ablation == "mean" else "",
            target,
            frozen_faithfulness,
        ),
    )


def _node_kind(bench: features.PromptBench, name: str) -> NodeKind:
    return bench.table.node(bench.table.index(name)).kind


def _top_tokens(run: features.PromptRun) -> tuple[tuple[str, float], ...]:
    """The likeliest next tokens with their probabilities."""
    best = run.logits.softmax(-1).topk(min(N_TOP_TOKENS, len(run.logits)))
    return tuple(
        zip(run.model.tokens.token_strings(best.indices.tolist()), best.values.tolist(), strict=True)
    )


def _corrupted_runs(session: PromptSession) -> Sequence[features.PromptRun]:
    model, query = session.table.run.model, session.query
    return [features.run_prompt(model, model.tokens.encode(query.corrupted, query.bos))]


def _mean_runs(session: PromptSession) -> Sequence[features.PromptRun]:
    """Runs that a mean is taken over: the demo's own text, or the prompts that are there."""
    model, query = session.table.run.model, session.query
    if model.name == "demo":
        windows = [
            row
            for text in training.demo_texts(training.MEASURING_SEED, MEAN_PASSAGES)
            for row in model.tokens.context_windows(text)
        ]
        return [features.run_prompt(model, row) for row in windows]
    return [session.table.run, *(_corrupted_runs(session) if query.corrupted else ())]
