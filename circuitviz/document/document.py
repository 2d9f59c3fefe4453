"""The open document: its state, the measurements of it, and signals for the views that show it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psygnal import Signal

from circuitviz.document.circuit_commands import Command
from circuitviz.document.origin import OTHER_SUBJECT, SAME_SUBJECT, Origin, subject_relation
from circuitviz.document.state import State
from circuitviz.notebook_methods import NotebookCircuit

MAX_REMEMBERED_ENTRIES = 512
CARRIED_MEASURES = ((), ("traces",), ("traces", "roles", "agreement"))
"""Measures that still hold for the next circuit, by its relation (``subject_relation``) to this one."""
LONG_SEARCH_S = 60.0  # results of searches at least this long are not discarded without asking


@dataclass(frozen=True)
class AppliedCommand:
    """A command with the states before and after it; undoing it is setting ``before`` again."""

    text: str
    before: State
    after: State
    merge_key: str = ""


class Document(NotebookCircuit):
    """A circuit that a person works on, with its measurements and file.

    Signals: ``state_changed(before, after)`` after any change of the state, ``evaluated(key)`` when a
    measurement was stored, ``dirty_changed(bool)``.

    Attributes:
        path: The document's file; None while it has none.
        view: Camera and other view settings, as JSON has them.
        measures: Results of the longer measures by name: ``result``, ``options`` and ``key``, the
            ``State.measurement_key`` of the measured state.
        history: Ablations that were tried, the latest last: ``key`` (of their numbers in ``evaluations``),
            ``of`` (their circuit), ``nodes``, ``edges``, ``changed`` (interventions), and for circuits of
            features ``judged``, ablation and error mode.
        extra: Fields of the file that this version does not know; they are written back.
        unread_steering: Records of steering in the file that could not be read; they are written back.
        notices: Sentences on what of the file could not be read.
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
        self.unread_steering: tuple[Any, ...] = ()
        self.notices: tuple[str, ...] = ()
        self._state = state or State()
        self._saved_hash = self._state.hash
        self._file_hash = self._saved_hash  # hash of the state in the file, whatever was measured since
        self._search_result_hash = ""  # hash of the state that the last search produced
        self._file_subject: tuple[object, ...] | None = None  # subject of the circuit in the file
        self._is_dirty = False
        self._unsaved_measures: set[str] = set()
        self._n_changes_outside_state = 0  # unsaved changes that are no part of the state, such as measures
        self._evaluations: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._curves: dict[tuple[object, ...], list[dict[str, Any]]] = {}

    @property
    def state(self) -> State:
        """Everything that commands change and undo restores."""
        return self._state

    @property
    def is_dirty(self) -> bool:
        """Whether the state differs from the saved one."""
        return self._is_dirty

    def would_lose_work(self, relation: int = OTHER_SUBJECT) -> bool:
        """Whether replacing the document's circuit would discard unsaved work.

        That is a person's work, or the result of a long search. A circuit of the same model and task takes
        all of it along.

        Args:
            relation: How the new circuit is related to this one (`subject_relation`).
        """
        if not self._is_dirty or relation == SAME_SUBJECT:
            return False
        origin = self._state.origin
        is_long_search = origin is not None and origin.seconds >= LONG_SEARCH_S
        has_state_changed = self._state.hash != self._file_hash and (
            is_long_search or self._state.hash != self._search_result_hash
        )
        return has_state_changed or bool(self._unsaved_measures.difference(CARRIED_MEASURES[relation]))

    @property
    def revision(self) -> tuple[object, ...]:
        """A value that differs after each change of the document's content."""
        return self._state.hash, self._n_changes_outside_state

    @property
    def is_path_of_same_subject(self) -> bool:
        """Whether the file at ``path`` holds a circuit of the same model and task, or the same prompt."""
        if self.path is None:
            return False
        return self._file_subject is None or self._file_subject == self._state.subject

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """The evaluation of the current state as JSON data; None before it was measured."""
        return self._evaluations.get(self._state.measurement_key)

    @property
    def evaluation_before(self) -> dict[str, Any] | None:
        """The evaluation with nothing ablated or changed; None where nothing is, or it was not measured."""
        state = self._state
        return None if state.is_unmodified else self._evaluations.get(state.unmodified.measurement_key)

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Points of the faithfulness curve of the current scores that were measured so far."""
        return self._curves.get(_curve_key(self._state), [])

    @curve.setter
    def curve(self, points: list[dict[str, Any]]) -> None:
        self.store_curve(self._state, points)

    @property
    def evaluations(self) -> dict[str, dict[str, Any]]:
        """Evaluations by ``State.measurement_key``, oldest first, so that undo shows the earlier numbers."""
        return dict(self._evaluations)

    @property
    def current_history(self) -> list[dict[str, Any]]:
        """The history of the current circuit; entries of older files do not name their circuit."""
        circuit, circuit_key = self._state.circuit, _circuit_key(self._state)
        return [
            entry
            for entry in self.history
            if entry.get("of", circuit_key) == circuit_key
            and circuit is not None
            and circuit.graph.node_index.keys() >= {*entry["nodes"], *entry.get("changed", ())}
        ]

    def apply_command(self, command: Command) -> AppliedCommand:
        """Apply a command; returns what ``set_state`` needs to undo and redo it."""
        change = AppliedCommand(command.text, self._state, command.transform(self._state), command.merge_key)
        self.set_state(change.after)
        return change

    def set_state(self, state: State) -> None:
        """Replace the state, as undo and redo do."""
        previous, self._state = self._state, state
        if _modification_key(previous) != _modification_key(state):
            self._record_in_history(state)
        self._set_dirty(state.hash != self._saved_hash)
        self.state_changed.emit(previous, state)

    def store_evaluation(self, key: str, evaluation: dict[str, Any]) -> None:
        """Store an evaluation under the ``measurement_key`` of its state."""
        self._evaluations[key] = evaluation
        self._evaluations.move_to_end(key)
        while len(self._evaluations) > MAX_REMEMBERED_ENTRIES:
            self._evaluations.popitem(last=False)
        self.evaluated.emit(key)

    def store_curve(self, state: State, points: list[dict[str, Any]]) -> None:
        """Store a curve for the scores of a state, so that undo shows it again."""
        self._curves[_curve_key(state)] = points

    def store_measure(self, name: str, measure: dict[str, Any]) -> None:
        """Store the result of a longer measure; it counts as unsaved work."""
        self.measures = {**self.measures, name: measure}
        self._unsaved_measures.add(name)
        self._count_change_outside_state()
        self.evaluated.emit(str(measure.get("key", "")))

    def mark_saved(self, path: Path, snapshot: Document | None = None) -> None:
        """Record that the document was written to a file.

        Args:
            path: The file.
            snapshot: The copy that was written; the document as it is now by default.
        """
        saved = snapshot or self
        self.path, self._saved_hash = (
            path,
            saved._state.hash if saved._n_changes_outside_state == self._n_changes_outside_state else "",
        )
        self._file_subject, self._file_hash = saved._state.subject, saved._state.hash
        if saved._n_changes_outside_state == self._n_changes_outside_state:
            self._unsaved_measures.clear()
        self._set_dirty(self._state.hash != self._saved_hash)

    def mark_unsaved(self) -> None:
        """Record that no file holds the document as it is, because it was recovered, copied or measured."""
        self._file_hash = ""
        self._count_change_outside_state()

    def _count_change_outside_state(self) -> None:
        self._saved_hash = ""
        self._n_changes_outside_state += 1
        self._set_dirty(True)

    def create_successor(self, command: Command, origin: Origin | None) -> Document:
        """Create an untitled document for the circuit of a new search.

        A circuit of the same model and task (or prompt) keeps annotations and measurements; any other keeps
        only what holds for its model.

        Args:
            command: The command that replaces the circuit.
            origin: Origin of the new circuit.
        """
        relation = subject_relation(origin, self._state.origin)
        successor = Document(command.transform(self._state if relation == SAME_SUBJECT else State()))
        carried_names = [name for name in CARRIED_MEASURES[relation] if name in self.measures]
        successor.measures = {name: self.measures[name] for name in carried_names}
        successor._unsaved_measures = self._unsaved_measures.intersection(carried_names)
        if relation == SAME_SUBJECT:
            successor._evaluations, successor._curves = self._evaluations.copy(), dict(self._curves)
            successor.unread_steering = self.unread_steering
        has_unsaved_work = relation == SAME_SUBJECT and self.would_lose_work()
        if not (successor.state.is_prompt_circuit or self._state.is_prompt_circuit):
            successor.view = {name: self.view[name] for name in ("layout",) if name in self.view}
        successor._search_result_hash = "" if has_unsaved_work else successor._state.hash
        successor._saved_hash, successor._file_hash, successor._is_dirty = "", "", True
        return successor

    def treat_as_saved(self) -> None:
        """Treat the document as saved, because its content can be loaded again at any time."""
        self._saved_hash = self._file_hash = self._state.hash
        self._set_dirty(False)

    def snapshot(self) -> Document:
        """Copy the document, to be written in another thread while this one changes."""
        copy = Document(self._state, self.path)
        # shallow copies suffice: values are never changed in place
        copy.view, copy._curves = dict(self.view), dict(self._curves)
        copy.measures, copy.history = dict(self.measures), list(self.history)
        copy.extra, copy._evaluations = dict(self.extra), self._evaluations.copy()
        copy.unread_steering, copy.notices = self.unread_steering, self.notices
        copy._n_changes_outside_state, copy._file_hash = self._n_changes_outside_state, self._file_hash
        copy._search_result_hash, copy._file_subject = self._search_result_hash, self._file_subject
        copy._unsaved_measures = set(self._unsaved_measures)
        return copy

    def _record_in_history(self, state: State) -> None:
        """Append the state's ablation to the history, or move it to the end."""
        if state.is_unmodified:
            return
        attempt: dict[str, Any] = {
            "key": state.measurement_key,
            "of": _circuit_key(state),
            "nodes": sorted(state.ablated_nodes),
            "edges": sorted(state.ablated_edges),
        }
        if state.interventions:
            attempt["changed"] = {
                n: intervention.to_json for n, intervention in sorted(state.interventions.items())
            }
        if setting := evaluation_setting_of(state):
            attempt["judged"] = setting
        earlier = [entry for entry in self.history if entry != attempt]
        self.history = [*earlier, attempt][-MAX_REMEMBERED_ENTRIES:]

    def _set_dirty(self, dirty: bool) -> None:
        if dirty != self._is_dirty:
            self._is_dirty = dirty
            self.dirty_changed.emit(dirty)


def _circuit_key(state: State) -> str:
    """Hash of the circuit's edges; empty without a circuit."""
    return "" if state.circuit is None else str(state.circuit.digest.hexdigest())


def _curve_key(state: State) -> tuple[object, ...]:
    """Key of what a curve depends on: scores, model, task, metric and ablation."""
    origin = state.origin
    digest = None if state.scores is None else state.scores.digest
    return digest, *((origin.weight_hash, *origin.requirements) if origin is not None else ())


def _modification_key(state: State) -> tuple[object, ...]:
    return state.ablated_nodes, state.ablated_edges, state.interventions, evaluation_setting_of(state)


def evaluation_setting_of(state: State) -> list[str]:
    """Ablation and error mode of a circuit of features, which a person can change; else empty."""
    return [] if (query := state.query) is None else [query.ablation, query.errors]
