"""The open document: one state, what was measured of it, and signals for whoever shows it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psygnal import Signal

from circuitviz.session.commands import Command
from circuitviz.session.provenance import Provenance
from circuitviz.session.question import OTHER, SAME_SUBJECT, Question, kin_of, subject_of
from circuitviz.session.state import State

REMEMBERED = 512
TAKEN_ALONG = ((), ("traces",), ("traces", "roles", "agreement"))
"""Measures that hold for a circuit that is found next, by how near it is: of something else, of the same
model, of the same model and task."""
WORTH_ASKING_S = 60.0  # seconds of a search whose result is not let go of unasked


@dataclass(frozen=True)
class Change:
    """A command that was done: going back is setting ``before`` again."""

    text: str
    before: State
    after: State
    merge: str = ""


class Document:
    """A circuit under work.

    Signals: ``state_changed(before, after)`` after any change of the state, ``evaluated(key)``
    when a measurement arrived, ``dirty_changed(bool)``. ``evaluations`` maps ``State.measured`` to
    the numbers, so that undo shows the earlier number itself, not a new measurement of it.
    ``measures`` holds by name what the longer measures found: their ``result``, ``options`` and the
    ``key`` (``State.measured``) of the state that they measured.
    ``history`` lists what was tried, ``{"key", "of", "nodes", "edges", "changed"}`` and of circuits of
    features ``"judged"``, their ablation and way with errors, the latest last; their numbers lie under the
    same keys in ``evaluations``, and ``of`` says on which circuit.
    ``extra`` keeps what a file held that we do not understand, and writes it back.
    """

    state_changed = Signal(object, object)
    evaluated = Signal(str)
    dirty_changed = Signal(bool)

    def __init__(self, state: State | None = None, path: Path | None = None) -> None:
        self.path = path
        self.view: dict[str, Any] = {}
        self.measures: dict[str, dict[str, Any]] = {}
        self.history: list[dict[str, Any]] = []
        self.extra: dict[str, Any] = {}
        self._state = state or State()
        self._saved = self._state.hash
        self._stored = self._saved  # the hash of the state in the file, whatever was measured since
        self._found = ""  # the hash of the state as a search left it
        self._filed: tuple[object, ...] | None = None  # what the circuit in the file is of
        self._dirty = False
        self._unsaved: set[str] = set()  # measures that are not saved yet, by name
        self._beyond = 0  # how often something came that counts as unsaved, though no part of the state
        self._evaluations: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._curves: dict[tuple[object, ...], list[dict[str, Any]]] = {}

    @property
    def state(self) -> State:
        """All that can be changed and undone."""
        return self._state

    @property
    def dirty(self) -> bool:
        """Whether the state differs from the saved one."""
        return self._dirty

    def leaves_behind(self, kin: int = OTHER) -> bool:
        """Whether a circuit so near (``question.kin_of``) in its place would leave unsaved work behind.

        That is a person's work, or the result of a long search; with a circuit of the same model and task
        all goes along.
        """
        if not self._dirty or kin == SAME_SUBJECT:
            return False
        where = self._state.provenance
        long = where is not None and where.seconds >= WORTH_ASKING_S
        state = self._state.hash != self._stored and (long or self._state.hash != self._found)
        return state or bool(self._unsaved.difference(TAKEN_ALONG[kin]))

    @property
    def revision(self) -> tuple[object, ...]:
        """Another one after each change of what a person made."""
        return self._state.hash, self._beyond

    @property
    def path_is_its_own(self) -> bool:
        """Whether the file at ``path`` holds a circuit of the same model and task, or the same prompt."""
        if self.path is None:
            return False
        return self._filed is None or self._filed == subject_of(self._state.provenance)

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """The numbers measured of the present state, where they are known."""
        return self._evaluations.get(self._state.measured)

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Faithfulness by number of edges as far as it was measured of the present scores."""
        return self._curves.get(_scored(self._state), [])

    @curve.setter
    def curve(self, points: list[dict[str, Any]]) -> None:
        self.keep_curve(self._state, points)

    @property
    def evaluations(self) -> dict[str, dict[str, Any]]:
        """Everything measured, oldest first."""
        return dict(self._evaluations)

    @property
    def tried(self) -> list[dict[str, Any]]:
        """The history of the present circuit; entries of an older file do not say which they are of."""
        circuit, ours = self._state.circuit, _circuit(self._state)
        return [
            entry
            for entry in self.history
            if entry.get("of", ours) == ours
            and circuit is not None
            and circuit.graph.node_index.keys() >= {*entry["nodes"], *entry.get("changed", ())}
        ]

    def do(self, command: Command) -> Change:
        """Apply a command; returns what ``apply`` needs to undo and redo it."""
        change = Change(command.text, self._state, command.change(self._state), command.merge)
        self.apply(change.after)
        return change

    def apply(self, state: State) -> None:
        """Go to a state: the way undo and redo go."""
        before, self._state = self._state, state
        if _touches(before) != _touches(state):
            self._try(state)
        self._set_dirty(state.hash != self._saved)
        self.state_changed.emit(before, state)

    def remember(self, key: str, numbers: dict[str, Any]) -> None:
        """Keep a measurement under the ``measured`` key of the state that it belongs to."""
        self._evaluations[key] = numbers
        self._evaluations.move_to_end(key)
        while len(self._evaluations) > REMEMBERED:
            self._evaluations.popitem(last=False)
        self.evaluated.emit(key)

    def keep_curve(self, state: State, points: list[dict[str, Any]]) -> None:
        """Keep a curve with the scores that it was measured of: undo comes back to it."""
        self._curves[_scored(state)] = points

    def keep_measure(self, name: str, found: dict[str, Any]) -> None:
        """Keep what a longer measure found; it counts as work that is not saved yet."""
        self.measures = {**self.measures, name: found}
        self._unsaved.add(name)
        self._count_as_unsaved()
        self.evaluated.emit(str(found.get("key", "")))

    def mark_saved(self, path: Path, written: Document | None = None) -> None:
        """The document is on disk now, as it was when the snapshot ``written`` was taken of it."""
        there = written or self
        self.path, self._saved = path, there._state.hash if there._beyond == self._beyond else ""
        self._filed, self._stored = subject_of(there._state.provenance), there._state.hash
        if there._beyond == self._beyond:
            self._unsaved.clear()
        self._set_dirty(self._state.hash != self._saved)

    def mark_unsaved(self) -> None:
        """The document is nowhere on disk as it is now: it was recovered, is a copy, or was measured."""
        self._stored = ""
        self._count_as_unsaved()

    def _count_as_unsaved(self) -> None:
        self._saved = ""
        self._beyond += 1
        self._set_dirty(True)

    def successor(self, command: Command, where: Provenance | None) -> Document:
        """An untitled document of the circuit that a command of a search puts in this one's place.

        A circuit of the same model and task (or prompt) takes along what was said of their parts, and what
        was measured of them; any other begins with nothing of this document but what holds for its model.
        """
        kin = kin_of(where, self._state.provenance)
        made = Document(command.change(self._state if kin == SAME_SUBJECT else State()))
        taken = [name for name in TAKEN_ALONG[kin] if name in self.measures]
        made.measures = {name: self.measures[name] for name in taken}
        made._unsaved = self._unsaved.intersection(taken)
        if kin == SAME_SUBJECT:
            made._evaluations, made._curves = self._evaluations.copy(), dict(self._curves)
        unsaved = kin == SAME_SUBJECT and self.leaves_behind()
        if Question.of(where) is None and Question.of(self._state.provenance) is None:
            made.view = {name: self.view[name] for name in ("layout",) if name in self.view}
        made._found = "" if unsaved else made._state.hash
        made._saved, made._stored, made._dirty = "", "", True
        return made

    def count_as_saved(self) -> None:
        """What is here can be had again at any time: nobody is asked about it until it is changed."""
        self._saved = self._stored = self._state.hash
        self._set_dirty(False)

    def snapshot(self) -> Document:
        """The document as it is now, to be written while a person goes on with this one."""
        kept = Document(self._state, self.path)
        kept.view, kept._curves = dict(self.view), dict(self._curves)  # what is in them is never changed
        kept.measures, kept.history = dict(self.measures), list(self.history)
        kept.extra = dict(self.extra)
        kept._evaluations, kept._beyond = self._evaluations.copy(), self._beyond
        kept._stored = self._stored
        kept._found, kept._filed, kept._unsaved = self._found, self._filed, set(self._unsaved)
        return kept

    def _try(self, state: State) -> None:
        """Each ablation stands once in the history, where it was tried last."""
        if state.untouched:
            return
        tried: dict[str, Any] = {
            "key": state.measured,
            "of": _circuit(state),
            "nodes": sorted(state.ablated_nodes),
            "edges": sorted(state.ablated_edges),
        }
        if state.interventions:
            tried["changed"] = {n: what.identity for n, what in sorted(state.interventions.items())}
        if judged := judged_by(state):
            tried["judged"] = judged
        others = [entry for entry in self.history if entry != tried]
        self.history = [*others, tried][-REMEMBERED:]

    def _set_dirty(self, dirty: bool) -> None:
        if dirty != self._dirty:
            self._dirty = dirty
            self.dirty_changed.emit(dirty)


def _circuit(state: State) -> str:
    """A key of the circuit that something was tried on."""
    return "" if state.circuit is None else str(state.circuit.digest.hexdigest())


def _scored(state: State) -> tuple[object, ...]:
    """What a curve rests on: scores, model, task and how it is measured."""
    where = state.provenance
    digest = None if state.scores is None else state.scores.digest
    return digest, *((where.weight_hash, *where.opening) if where is not None else ())


def _touches(state: State) -> tuple[object, ...]:
    return state.ablated_nodes, state.ablated_edges, state.interventions, judged_by(state)


def judged_by(state: State) -> list[str]:
    """Ablation and way with errors of a circuit of features, which a person can change; else empty."""
    question = Question.of(state.provenance)
    return [] if question is None else [question.ablation, question.errors]
