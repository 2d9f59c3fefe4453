"""The number of what is on the screen: an estimate within the click, then exact, never a stale one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from circuitviz.graph import change_without
from circuitviz.jobs import Measure, Measured, MeasureTrial
from circuitviz.session import State, Trial, members_of, toggle_ablation
from circuitviz.session.question import Question

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk


class Live(QObject):
    """Keeps ``numbers``, an evaluation's dict or None where nothing is known, level with the desk's state."""

    wondered = Signal(object, object)  # nodes, and the estimate without them or None
    changed = Signal(str)  # the ``tier`` of the numbers: estimate, small, exact, or empty where unknown

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self.numbers: dict[str, Any] | None = None
        self.tier = ""
        self._base: tuple[State, dict[str, Any]] | None = None  # the last state whose exact numbers are known
        self._left: dict[str, Mapping[str, float]] = {}  # by ablation, of features
        self._after = QTimer(self)
        self._after.setSingleShot(True)
        self._after.setInterval(30)
        self._after.timeout.connect(self._ask)

    @property
    def waiting(self) -> bool:
        """Whether a measurement is about to be asked for, once the clicks rest."""
        return self._after.isActive()

    def begin(self) -> None:
        """Forget what was known: another document, or another circuit, has come."""
        self._base, self._left = None, {}

    def follow(self, state: State) -> None:
        """Show what is known of a state, or the estimate until it is measured."""
        known = self.desk.document.evaluation
        if known is not None:
            self._base = (state, known)
            self._set(known, "exact")
            return
        guess = self._estimate(state)
        self._set(guess, "" if guess is None else "estimate")
        if self.desk.opened is not None and state.live is not None:
            self._after.start()

    def hush(self) -> None:
        """What is drawn is a search's on its way: nobody has measured that."""
        if self.numbers is not None:
            self._set(None, "")

    def model_came(self) -> None:
        """Measure what could not be measured without the model."""
        if self.desk.document.evaluation is None and self.desk.document.state.circuit is not None:
            self._after.start()

    def measured(self, reply: Measured) -> bool:
        """Take a measurement; true if it is the exact one of what is on the screen."""
        state, exact = self.desk.document.state, reply.tier == "exact"
        if exact:
            self.desk.document.remember(reply.key, reply.numbers)
        if reply.key != state.measured:
            return False  # the state has moved on: a stale number is never shown
        if exact:
            self._base = (state, reply.numbers)
            if reply.left:
                self._left[reply.numbers["setting"]["ablation"]] = reply.left
        self._set(reply.numbers, reply.tier)
        return exact

    def _estimate(self, state: State) -> dict[str, Any] | None:
        """First order, within the frame of the click, from the last exact state."""
        if self._base is None or state.scores is None or state.live is None:
            return None
        if not state.scores.sign_known:  # which way the metric would move is not known
            return None
        base, numbers = self._base
        metric = numbers["metric"]
        span = metric["model"] - metric["ablated"]
        if base.live is None or base.scores is not state.scores or not span:
            return None
        of_features = Question.of(state.provenance) is not None
        move = _moves_of_features(base, state, self._left) if of_features else _moves_of_heads(base, state)
        if move is None:
            return None
        moved = metric["circuit"] + move
        value = (moved - metric["ablated"]) / span
        return {
            **numbers,
            "metric": {**metric, "circuit": moved},
            "faithfulness": {"value": value, "low": None, "high": None},
            "edges": state.live.n_edges,
        }

    def wonder(self, nodes: frozenset[str]) -> None:
        """Show what it would be without these nodes, as long as somebody asks; nothing is done."""
        self.wondered.emit(nodes, self.what_if(nodes) if nodes else None)

    def what_if(self, nodes: frozenset[str]) -> float | None:
        """The estimate of faithfulness with these nodes out as well; None where nothing is known."""
        state = self.desk.document.state
        if self.desk.preview is not None or not members_of(state, nodes):
            return None  # a search's circuit, or a target, which cannot be out
        guess = self._estimate(toggle_ablation(nodes - state.ablated_nodes).change(state))
        return None if guess is None else float(guess["faithfulness"]["value"])

    def _ask(self) -> None:
        state = self.desk.document.state
        if state.live is None or self.desk.document.evaluation is not None:
            return
        trial = Trial.of(state)
        if trial is not None:
            self.desk.ask(MeasureTrial(trial, state.measured, self.desk.device))
        else:
            self.desk.ask(Measure(state.live, state.measured, state.changed, state.options, state.opening))

    def _set(self, numbers: dict[str, Any] | None, tier: str) -> None:
        self.numbers, self.tier = numbers, tier
        self.changed.emit(tier)


def _moves_of_heads(base: State, state: State) -> float | None:
    """How the metric moves from one state to another, to first order; None where that is not known."""
    shares = [_shares(each) for each in (base, state)]
    if shares[0] is None or shares[1] is None:
        return None
    assert state.scores is not None and base.live is not None and state.live is not None
    moved = state.scores.change(base.live.edges, state.live.edges)
    moved -= state.scores.sent(base.live.edges, shares[0])
    return moved + state.scores.sent(state.live.edges, shares[1])


def _moves_of_features(base: State, state: State, known: Mapping[str, Mapping[str, float]]) -> float | None:
    """The same of a target: what nodes give to it, by their attributions; None under another ablation.

    known: by ablation, how much of its effect each node has where it is out.
    """
    before, now = Trial.of(base), Trial.of(state)
    assert before is not None and now is not None and state.scores is not None
    if (before.ablation, before.errors) != (now.ablation, now.errors):
        return None
    left = known.get(now.ablation, {})
    activations = state.scores.info.get("activations", {})
    ends = [change_without(state.scores, each.shares(activations, left)) for each in (before, now)]
    return None if ends[0] is None or ends[1] is None else ends[1] - ends[0]


def _shares(state: State) -> dict[str, float] | None:
    """How much of its own output each changed node sends, to first order; None where that is unknown."""
    found = {}
    for name, what in state.changed.items():
        if what.positions:
            return None  # stored scores are sums over positions
        found[name] = what.share if what.value == "scale" else 0.0
    return found
