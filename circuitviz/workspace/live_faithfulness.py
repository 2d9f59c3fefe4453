"""The number of what is on the screen: an estimate within the click, then exact, never a stale one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from circuitviz.document import State, expand_nodes, toggle_ablation
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.graph import estimate_target_change
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.measure_faithfulness import FaithfulnessMeasured, MeasureFaithfulness
from circuitviz.workbench.requests.measure_prompt_faithfulness import MeasurePromptFaithfulness

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


class LiveFaithfulness(QObject):
    """Keeps ``evaluation``, an evaluation's dict or None where nothing is known, level with the desk's state."""

    what_if_estimated = Signal(object, object)  # nodes, and the estimate without them or None
    changed = Signal(str)  # the ``tier`` of the numbers: estimate, small, exact, or empty where unknown

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.evaluation: dict[str, Any] | None = None
        self.tier = ""
        self._reference: tuple[State, dict[str, Any]] | None = (
            None  # the last state whose exact numbers are known
        )
        self._remaining_effects: dict[str, Mapping[str, float]] = {}  # by ablation, of features
        self._measure_timer = QTimer(self)
        self._measure_timer.setSingleShot(True)
        self._measure_timer.setInterval(30)
        self._measure_timer.timeout.connect(self._request_measurement)

    @property
    def is_measurement_pending(self) -> bool:
        """Whether a measurement is about to be asked for, once the clicks rest."""
        return self._measure_timer.isActive()

    def reset(self) -> None:
        """Forget what was known: another document, or another circuit, has come."""
        self._reference, self._remaining_effects = None, {}

    def on_state_changed(self, state: State) -> None:
        """Show what is known of a state, or the estimate until it is measured."""
        known = self.workspace.document.evaluation
        if known is not None:
            self._reference = (state, known)
            self._set_evaluation(known, "exact")
            return
        guess = self._estimate_evaluation(state)
        self._set_evaluation(guess, "" if guess is None else "estimate")
        if self.workspace.opened_model is not None and state.live_circuit is not None:
            self._measure_timer.start()

    def clear(self) -> None:
        """What is drawn is a search's on its way: nobody has measured that."""
        if self.evaluation is not None:
            self._set_evaluation(None, "")

    def on_model_ready(self) -> None:
        """Measure what could not be measured without the model."""
        if self.workspace.document.evaluation is None and self.workspace.document.state.circuit is not None:
            self._measure_timer.start()

    def on_measured(self, reply: FaithfulnessMeasured) -> bool:
        """Take a measurement; true if it is the exact one of what is on the screen."""
        state, exact = self.workspace.document.state, reply.tier == "exact"
        if exact:
            self.workspace.document.store_evaluation(reply.key, reply.evaluation)
        if reply.key != state.measurement_key:
            return False  # the state has moved on: a stale number is never shown
        if exact:
            self._reference = (state, reply.evaluation)
            if reply.remaining_fractions:
                self._remaining_effects[reply.evaluation["setting"]["ablation"]] = reply.remaining_fractions
        self._set_evaluation(reply.evaluation, reply.tier)
        return exact

    def _estimate_evaluation(self, state: State) -> dict[str, Any] | None:
        """First order, within the frame of the click, from the last exact state."""
        if self._reference is None or state.scores is None or state.live_circuit is None:
            return None
        if not state.scores.sign_known:  # which way the metric would move is not known
            return None
        base, numbers = self._reference
        metric = numbers["metric"]
        span = metric["model"] - metric["ablated"]
        if base.live_circuit is None or base.scores is not state.scores or not span:
            return None
        of_features = AttributionQuery.from_provenance(state.provenance) is not None
        move = (
            _metric_change_of_features(base, state, self._remaining_effects)
            if of_features
            else _metric_change_of_heads(base, state)
        )
        if move is None:
            return None
        moved = metric["circuit"] + move
        value = (moved - metric["ablated"]) / span
        return {
            **numbers,
            "metric": {**metric, "circuit": moved},
            "faithfulness": {"value": value, "low": None, "high": None},
            "edges": state.live_circuit.n_edges,
        }

    def show_what_if(self, nodes: frozenset[str]) -> None:
        """Show what it would be without these nodes, as long as somebody asks; nothing is done."""
        self.what_if_estimated.emit(nodes, self.estimate_what_if(nodes) if nodes else None)

    def estimate_what_if(self, nodes: frozenset[str]) -> float | None:
        """The estimate of faithfulness with these nodes out as well; None where nothing is known."""
        state = self.workspace.document.state
        if self.workspace.partial_result is not None or not expand_nodes(state, nodes):
            return None  # a search's circuit, or a target, which cannot be out
        guess = self._estimate_evaluation(toggle_ablation(nodes - state.ablated_nodes).transform(state))
        return None if guess is None else float(guess["faithfulness"]["value"])

    def _request_measurement(self) -> None:
        state = self.workspace.document.state
        if state.live_circuit is None or self.workspace.document.evaluation is not None:
            return
        trial = PromptEvaluationRequest.from_state(state)
        if trial is not None:
            self.workspace.submit_request(
                MeasurePromptFaithfulness(trial, state.measurement_key, self.workspace.device)
            )
        else:
            self.workspace.submit_request(
                MeasureFaithfulness(
                    state.live_circuit,
                    state.measurement_key,
                    state.active_interventions,
                    state.method_options,
                    state.requirements,
                )
            )

    def _set_evaluation(self, evaluation: dict[str, Any] | None, tier: str) -> None:
        self.evaluation, self.tier = evaluation, tier
        self.changed.emit(tier)


def _metric_change_of_heads(base: State, state: State) -> float | None:
    """How the metric moves from one state to another, to first order; None where that is not known."""
    shares = [_output_factors(each) for each in (base, state)]
    if shares[0] is None or shares[1] is None:
        return None
    assert state.scores is not None and base.live_circuit is not None and state.live_circuit is not None
    moved = state.scores.estimate_change(base.live_circuit.edges, state.live_circuit.edges)
    moved -= state.scores.estimate_scaling_change(base.live_circuit.edges, shares[0])
    return moved + state.scores.estimate_scaling_change(state.live_circuit.edges, shares[1])


def _metric_change_of_features(
    base: State, state: State, remaining_effects: Mapping[str, Mapping[str, float]]
) -> float | None:
    """The same of a target: what nodes give to it, by their attributions; None under another ablation.

    remaining_effects: by ablation, how much of its effect each node has where it is out.
    """
    before, now = PromptEvaluationRequest.from_state(base), PromptEvaluationRequest.from_state(state)
    assert before is not None and now is not None and state.scores is not None
    if (before.ablation, before.errors) != (now.ablation, now.errors):
        return None
    left = remaining_effects.get(now.ablation, {})
    activations = state.scores.info.get("activations", {})
    ends = [
        estimate_target_change(state.scores, each.output_factors(activations, left)) for each in (before, now)
    ]
    return None if ends[0] is None or ends[1] is None else ends[1] - ends[0]


def _output_factors(state: State) -> dict[str, float] | None:
    """How much of its own output each changed node sends, to first order; None where that is unknown."""
    found = {}
    for name, what in state.active_interventions.items():
        if what.positions:
            return None  # stored scores are sums over positions
        found[name] = what.amount if what.value == "scale" else 0.0
    return found
