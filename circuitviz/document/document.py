"""The open document: one state, what was measured of it, and signals for whoever shows it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psygnal import Signal

from circuitviz.document.circuit_commands import Command
from circuitviz.document.origin import OTHER_SUBJECT, SAME_SUBJECT, Origin, subject_relation
from circuitviz.document.state import State

MAX_REMEMBERED_ENTRIES = 512
CARRIED_MEASURES = ((), ("traces",), ("traces", "roles", "agreement"))
"""Measures that hold for a circuit that is found next, by how near it is: of something else, of the same
model, of the same model and task."""
LONG_SEARCH_S = 60.0  # seconds of a search whose result is not let go of unasked


@dataclass(frozen=True)
class AppliedCommand:
    """A command that was done: going back is setting ``before`` again."""

    text: str
    before: State
    after: State
    merge_key: str = ""


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
        self._saved_hash = self._state.hash
        self._file_hash = self._saved_hash  # the hash of the state in the file, whatever was measured since
        self._search_result_hash = ""  # the hash of the state as a search left it
        self._file_subject: tuple[object, ...] | None = None  # what the circuit in the file is of
        self._is_dirty = False
        self._unsaved_measures: set[str] = set()  # measures that are not saved yet, by name
        self._n_changes_outside_state = (
            0  # how often something came that counts as unsaved, though no part of the state
        )
        self._evaluations: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._curves: dict[tuple[object, ...], list[dict[str, Any]]] = {}

    @property
    def state(self) -> State:
        """All that can be changed and undone."""
        return self._state

    @property
    def is_dirty(self) -> bool:
        """Whether the state differs from the saved one."""
        return self._is_dirty

    def would_lose_work(self, relation: int = OTHER_SUBJECT) -> bool:
        """Whether a circuit so near (`subject_relation`) in its place would leave unsaved work behind.

        That is a person's work, or the result of a long search; with a circuit of the same model and task
        all goes along.
        """
        if not self._is_dirty or relation == SAME_SUBJECT:
            return False
        origin = self._state.origin
        long = origin is not None and origin.seconds >= LONG_SEARCH_S
        state = self._state.hash != self._file_hash and (long or self._state.hash != self._search_result_hash)
        return state or bool(self._unsaved_measures.difference(CARRIED_MEASURES[relation]))

    @property
    def revision(self) -> tuple[object, ...]:
        """Another one after each change of what a person made."""
        return self._state.hash, self._n_changes_outside_state

    @property
    def is_path_of_same_subject(self) -> bool:
        """Whether the file at ``path`` holds a circuit of the same model and task, or the same prompt."""
        if self.path is None:
            return False
        return self._file_subject is None or self._file_subject == self._state.subject

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """The numbers measured of the present state, where they are known."""
        return self._evaluations.get(self._state.measurement_key)

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Faithfulness by number of edges as far as it was measured of the present scores."""
        return self._curves.get(_curve_key(self._state), [])

    @curve.setter
    def curve(self, points: list[dict[str, Any]]) -> None:
        self.store_curve(self._state, points)

    @property
    def evaluations(self) -> dict[str, dict[str, Any]]:
        """Everything measured, oldest first."""
        return dict(self._evaluations)

    @property
    def current_history(self) -> list[dict[str, Any]]:
        """The history of the present circuit; entries of an older file do not say which they are of."""
        circuit, ours = self._state.circuit, _circuit_key(self._state)
        return [
            entry
            for entry in self.history
            if entry.get("of", ours) == ours
            and circuit is not None
            and circuit.graph.node_index.keys() >= {*entry["nodes"], *entry.get("changed", ())}
        ]

    def apply_command(self, command: Command) -> AppliedCommand:
        """Apply a command; returns what ``set_state`` needs to undo and redo it."""
        change = AppliedCommand(command.text, self._state, command.transform(self._state), command.merge_key)
        self.set_state(change.after)
        return change

    def set_state(self, state: State) -> None:
        """Go to a state: the way undo and redo go."""
        before, self._state = self._state, state
        if _modification_key(before) != _modification_key(state):
            self._record_in_history(state)
        self._set_dirty(state.hash != self._saved_hash)
        self.state_changed.emit(before, state)

    def store_evaluation(self, key: str, evaluation: dict[str, Any]) -> None:
        """Keep a measurement under the ``measured`` key of the state that it belongs to."""
        self._evaluations[key] = evaluation
        self._evaluations.move_to_end(key)
        while len(self._evaluations) > MAX_REMEMBERED_ENTRIES:
            self._evaluations.popitem(last=False)
        self.evaluated.emit(key)

    def store_curve(self, state: State, points: list[dict[str, Any]]) -> None:
        """Keep a curve with the scores that it was measured of: undo comes back to it."""
        self._curves[_curve_key(state)] = points

    def store_measure(self, name: str, measure: dict[str, Any]) -> None:
        """Keep what a longer measure found; it counts as work that is not saved yet."""
        self.measures = {**self.measures, name: measure}
        self._unsaved_measures.add(name)
        self._count_change_outside_state()
        self.evaluated.emit(str(measure.get("key", "")))

    def mark_saved(self, path: Path, snapshot: Document | None = None) -> None:
        """The document is on disk now, as it was when the snapshot ``snapshot`` was taken of it."""
        there = snapshot or self
        self.path, self._saved_hash = (
            path,
            there._state.hash if there._n_changes_outside_state == self._n_changes_outside_state else "",
        )
        self._file_subject, self._file_hash = there._state.subject, there._state.hash
        if there._n_changes_outside_state == self._n_changes_outside_state:
            self._unsaved_measures.clear()
        self._set_dirty(self._state.hash != self._saved_hash)

    def mark_unsaved(self) -> None:
        """The document is nowhere on disk as it is now: it was recovered, is a copy, or was measured."""
        self._file_hash = ""
        self._count_change_outside_state()

    def _count_change_outside_state(self) -> None:
        self._saved_hash = ""
        self._n_changes_outside_state += 1
        self._set_dirty(True)

    def create_successor(self, command: Command, origin: Origin | None) -> Document:
        """An untitled document of the circuit that a command of a search puts in this one's place.

        A circuit of the same model and task (or prompt) takes along what was said of their parts, and what
        was measured of them; any other begins with nothing of this document but what holds for its model.
        """
        kin = subject_relation(origin, self._state.origin)
        made = Document(command.transform(self._state if kin == SAME_SUBJECT else State()))
        taken = [name for name in CARRIED_MEASURES[kin] if name in self.measures]
        made.measures = {name: self.measures[name] for name in taken}
        made._unsaved_measures = self._unsaved_measures.intersection(taken)
        if kin == SAME_SUBJECT:
            made._evaluations, made._curves = self._evaluations.copy(), dict(self._curves)
        unsaved = kin == SAME_SUBJECT and self.would_lose_work()
        if not (made.state.is_prompt_circuit or self._state.is_prompt_circuit):
            made.view = {name: self.view[name] for name in ("layout",) if name in self.view}
        made._search_result_hash = "" if unsaved else made._state.hash
        made._saved_hash, made._file_hash, made._is_dirty = "", "", True
        return made

    def treat_as_saved(self) -> None:
        """What is here can be had again at any time: nobody is asked about it until it is changed."""
        self._saved_hash = self._file_hash = self._state.hash
        self._set_dirty(False)

    def snapshot(self) -> Document:
        """The document as it is now, to be written while a person goes on with this one."""
        kept = Document(self._state, self.path)
        kept.view, kept._curves = dict(self.view), dict(self._curves)  # what is in them is never changed
        kept.measures, kept.history = dict(self.measures), list(self.history)
        kept.extra = dict(self.extra)
        kept._evaluations, kept._n_changes_outside_state = (
            self._evaluations.copy(),
            self._n_changes_outside_state,
        )
        kept._file_hash = self._file_hash
        kept._search_result_hash, kept._file_subject, kept._unsaved_measures = (
            self._search_result_hash,
            self._file_subject,
            set(self._unsaved_measures),
        )
        return kept

    def _record_in_history(self, state: State) -> None:
        """Each ablation stands once in the history, where it was tried last."""
        if state.is_unmodified:
            return
        tried: dict[str, Any] = {
            "key": state.measurement_key,
            "of": _circuit_key(state),
            "nodes": sorted(state.ablated_nodes),
            "edges": sorted(state.ablated_edges),
        }
        if state.interventions:
            tried["changed"] = {n: what.to_json for n, what in sorted(state.interventions.items())}
        if judged := evaluation_setting_of(state):
            tried["judged"] = judged
        others = [entry for entry in self.history if entry != tried]
        self.history = [*others, tried][-MAX_REMEMBERED_ENTRIES:]

    def _set_dirty(self, dirty: bool) -> None:
        if dirty != self._is_dirty:
            self._is_dirty = dirty
            self.dirty_changed.emit(dirty)


def _circuit_key(state: State) -> str:
    """A key of the circuit that something was tried on."""
    return "" if state.circuit is None else str(state.circuit.digest.hexdigest())


def _curve_key(state: State) -> tuple[object, ...]:
    """What a curve rests on: scores, model, task and how it is measured."""
    origin = state.origin
    digest = None if state.scores is None else state.scores.digest
    return digest, *((origin.weight_hash, *origin.requirements) if origin is not None else ())


def _modification_key(state: State) -> tuple[object, ...]:
    return state.ablated_nodes, state.ablated_edges, state.interventions, evaluation_setting_of(state)


def evaluation_setting_of(state: State) -> list[str]:
    """Ablation and way with errors of a circuit of features, which a person can change; else empty."""
    return [] if (query := state.query) is None else [query.ablation, query.errors]
