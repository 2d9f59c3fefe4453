"""The faithfulness of what is on the screen: an estimate within the click, then exact, never a stale one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, QTimer, Signal

from circuitviz.document import Document, State, expand_nodes, toggle_ablation
from circuitviz.graph import estimate_target_change
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.measure_faithfulness import FaithfulnessMeasured, MeasureFaithfulness
from circuitviz.workbench.requests.measure_prompt_faithfulness import MeasurePromptFaithfulness
from circuitviz.workbench.requests.messages import Request
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.model_status import ModelStatus

MEASURE_DELAY_MS = 30  # after the last of several clicks


@dataclass
class _EstimateBase:
    """What estimates of a document start from.

    Attributes:
        state: The last state that was measured exactly.
        evaluation: Its evaluation.
        remaining_effects: By ablation, how much of its effect each node has where it is ablated; of prompt
            circuits.
    """

    state: State
    evaluation: dict[str, Any]
    remaining_effects: dict[str, Mapping[str, float]] = field(default_factory=dict)


class LiveFaithfulness(QObject):
    """Updates ``evaluation`` for the document on the screen.

    Attributes:
        evaluation: The evaluation as a dict; None where nothing is known.
        tier: How good it is: ``estimate``, ``small`` (few prompts), ``exact``, or empty where unknown.
    """

    what_if_estimated = Signal(object, object)  # nodes, and the estimate without them or None
    changed = Signal(str)  # the tier
    exact_measured = Signal()  # the exact value of what is on the screen has come

    def __init__(
        self,
        documents: DocumentSwitcher,
        model_status: ModelStatus,
        submit: Callable[[Request], JobHandle],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._documents, self._model_status, self._submit = documents, model_status, submit
        self.evaluation: dict[str, Any] | None = None
        self.tier = ""
        self._references: WeakKeyDictionary[Document, _EstimateBase] = WeakKeyDictionary()
        self._measure_timer = QTimer(self, singleShot=True, interval=MEASURE_DELAY_MS)
        self._measure_timer.timeout.connect(self._request_measurement)

    @property
    def is_measurement_pending(self) -> bool:
        """Whether a measurement is about to be asked for, once the clicks rest."""
        return self._measure_timer.isActive()

    def reset(self) -> None:
        """Forget what was known of the document on the screen: another circuit has come into it."""
        self._references.pop(self._documents.document, None)

    def on_state_changed(self, state: State | None) -> None:
        """Show what is known of a state, or an estimate until it is measured.

        Args:
            state: What is on the screen; None: a search's partial result, which was not measured.
        """
        if state is None:
            self._set_evaluation(None, "")
            return
        known = self._documents.document.evaluation
        if known is not None:
            self._record_reference(state, known)
            self._set_evaluation(known, "exact")
            return
        estimate = self._estimate_evaluation(state)
        self._set_evaluation(estimate, "" if estimate is None else "estimate")
        if self._model_status.opened is not None and state.live_circuit is not None:
            self._measure_timer.start()

    def on_model_ready(self) -> None:
        """Measure what could not be measured without the model."""
        document = self._documents.document
        if document.evaluation is None and document.state.circuit is not None:
            self._measure_timer.start()

    def estimate_what_if(self, nodes: frozenset[str]) -> float | None:
        """Estimate faithfulness with these nodes ablated as well; None where nothing is known."""
        state = self._documents.document.state
        if self._documents.partial_result is not None or not expand_nodes(state, nodes):
            return None  # a search's circuit, or a target, which cannot be ablated
        command = toggle_ablation(nodes - state.ablated_nodes)
        estimate = self._estimate_evaluation(command.transform(state))
        return None if estimate is None else float(estimate["faithfulness"]["value"])

    def show_what_if(self, nodes: frozenset[str]) -> None:
        """Show the estimate with these nodes ablated; the document stays as it is. No nodes: show none."""
        self.what_if_estimated.emit(nodes, self.estimate_what_if(nodes) if nodes else None)

    def _request_measurement(self) -> None:
        document = self._documents.document
        state = document.state
        if state.live_circuit is None or document.evaluation is not None:
            return
        prompt_request = PromptEvaluationRequest.from_state(state)
        request: Request
        if prompt_request is not None:
            device = self._model_status.device
            request = MeasurePromptFaithfulness(prompt_request, state.measurement_key, device)
        else:
            request = MeasureFaithfulness(
                state.live_circuit, state.measurement_key, state.active_interventions,
                state.method_options, state.requirements,
            )  # fmt: skip
        handle = self._submit(request)
        handle.partial.connect(self._on_measured)
        handle.finished.connect(self._on_measured)

    def _on_measured(self, reply: object) -> None:
        """Take a measurement over, unless the state has moved on: a stale number is never shown."""
        if not isinstance(reply, FaithfulnessMeasured):
            return
        document, is_exact = self._documents.document, reply.tier == "exact"
        state = document.state
        if is_exact:
            document.store_evaluation(reply.key, reply.evaluation)
        if reply.key != state.measurement_key:
            return
        if is_exact:
            self._record_reference(state, reply.evaluation)
            if reply.remaining_fractions:
                ablation = reply.evaluation["setting"]["ablation"]
                self._references[document].remaining_effects[ablation] = reply.remaining_fractions
        self._set_evaluation(reply.evaluation, reply.tier)
        if is_exact:
            self.exact_measured.emit()

    def _estimate_evaluation(self, state: State) -> dict[str, Any] | None:
        """First order, within the frame of the click, from the last state that was measured exactly."""
        known = self._references.get(self._documents.document)
        if known is None or state.scores is None or state.live_circuit is None:
            return None
        if not state.scores.sign_known:  # which way the metric would move is not known
            return None
        reference, evaluation = known.state, known.evaluation
        metric = evaluation["metric"]
        span = metric["model"] - metric["ablated"]
        if reference.live_circuit is None or reference.scores is not state.scores or not span:
            return None
        if state.is_prompt_circuit:
            change = _metric_change_of_features(reference, state, known.remaining_effects)
        else:
            change = _metric_change_of_heads(reference, state)
        if change is None:
            return None
        estimate = metric["circuit"] + change
        value = (estimate - metric["ablated"]) / span
        return {
            **evaluation,
            "metric": {**metric, "circuit": estimate},
            "faithfulness": {"value": value, "low": None, "high": None},
            "edges": state.live_circuit.n_edges,
        }

    def _record_reference(self, state: State, evaluation: dict[str, Any]) -> None:
        known = self._references.setdefault(self._documents.document, _EstimateBase(state, evaluation))
        known.state, known.evaluation = state, evaluation

    def _set_evaluation(self, evaluation: dict[str, Any] | None, tier: str) -> None:
        self.evaluation, self.tier = evaluation, tier
        self.changed.emit(tier)


def _metric_change_of_heads(reference: State, state: State) -> float | None:
    """How the metric changes between two states, to first order; None where that is not known."""
    factors = [_output_factors(each) for each in (reference, state)]
    if factors[0] is None or factors[1] is None:
        return None
    assert state.scores is not None and reference.live_circuit is not None and state.live_circuit is not None
    if not state.scores.are_effects:
        return None
    change = state.scores.estimate_change(reference.live_circuit.edges, state.live_circuit.edges)
    change -= state.scores.estimate_scaling_change(reference.live_circuit.edges, factors[0])
    return change + state.scores.estimate_scaling_change(state.live_circuit.edges, factors[1])


def _metric_change_of_features(
    reference: State, state: State, remaining_effects: Mapping[str, Mapping[str, float]]
) -> float | None:
    """How a target's metric changes between two states, by the nodes' attributions.

    Args:
        reference: The state that was measured.
        state: The state to estimate.
        remaining_effects: By ablation, how much of its effect each node has where it is ablated.

    Returns:
        The change; None where the states differ in their ablation, or attributions are not known.
    """
    before, now = PromptEvaluationRequest.from_state(reference), PromptEvaluationRequest.from_state(state)
    assert before is not None and now is not None and state.scores is not None
    if (before.ablation, before.errors) != (now.ablation, now.errors):
        return None
    remaining = remaining_effects.get(now.ablation, {})
    activations = state.scores.info.get("activations", {})
    changes = [
        estimate_target_change(state.scores, each.output_factors(activations, remaining))
        for each in (before, now)
    ]
    return None if changes[0] is None or changes[1] is None else changes[1] - changes[0]


def _output_factors(state: State) -> dict[str, float] | None:
    """The factor on each changed node's own output, to first order; None where that is not known."""
    factors = {}
    for name, intervention in state.active_interventions.items():
        if intervention.positions:
            return None  # stored scores are sums over positions
        factors[name] = intervention.amount if intervention.value == "scale" else 0.0
    return factors
