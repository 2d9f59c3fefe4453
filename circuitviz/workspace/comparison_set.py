"""Circuits to compare the open one with: other tabs', kept ones, files, references that ship, its rivals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Document, Origin, State
from circuitviz.errors import InputError
from circuitviz.formats import import_document
from circuitviz.graph import Circuit, Graph, ModelShape
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.requests.load_references import LoadReferences, ReferencesLoaded
from circuitviz.workbench.requests.messages import Request
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.file_loader import FileLoader
from circuitviz.workspace.tabs import DocumentTab, TabList

THIS_CIRCUIT = "this circuit"
RIVALS = "rivals"  # the measure whose circuits can be drawn with the one that it is of


class ComparisonSet(QObject):
    """What can be compared, which of it is chosen, and whether the canvas shows both.

    Only circuits of the open one's shape can be chosen. Those of other tabs are there as they are now, under
    the names of their tabs; kept ones and files stay until the window closes. Rivals are those that the open
    document holds a measurement of.

    Attributes:
        chosen_name: The circuit that is compared with; empty where none is.
        is_overlaid: Whether both are drawn on one canvas.
    """

    changed = Signal()

    def __init__(
        self,
        documents: DocumentSwitcher,
        tabs: TabList,
        file_loader: FileLoader,
        submit: Callable[[Request], JobHandle],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._documents, self._tabs = documents, tabs
        self._file_loader, self._submit = file_loader, submit
        self.chosen_name = ""
        self.is_overlaid = False
        self._user_documents: dict[str, Document] = {}
        self._reference_documents: dict[str, Document] = {}
        self._tabs_by_name: dict[str, DocumentTab] = {}  # those that have a circuit
        self._rival_documents: dict[str, Document] = {}
        self._rivals_source: tuple[object, object] = (None, None)  # the measurement and the graph of these
        self._front = tabs.front
        tabs.changed.connect(self._follow_tabs)

    def load_references(self) -> None:
        """Have the references that ship read."""
        self._submit(LoadReferences()).finished.connect(self._on_references_loaded)

    # circuits

    @property
    def chosen_document(self) -> Document | None:
        """The circuit that is chosen, if it still fits the open one."""
        fits = self.chosen_name in self.matching_names()
        return self.get_document(self.chosen_name) if fits else None

    @property
    def overlaid_state(self) -> State | None:
        """The circuit that is drawn with the open one; None where that is drawn alone."""
        is_drawn = self.is_overlaid and self._documents.partial_result is None
        document = self.chosen_document if is_drawn else None
        return None if document is None else document.state

    def matching_names(self) -> list[str]:
        """What fits: references, those of the model first, what was added, other tabs, then the rivals."""
        state = self._documents.document.state
        if state.circuit is None:
            return []
        circuit, shape = state.circuit, state.circuit.graph.shape
        tabs = [name for name, tab in self._tabs_by_name.items() if tab is not self._tabs.front]
        added = [*self._user_documents, *tabs]
        names = [*self._matching_references(shape, state.origin), *added, *self.rival_documents]
        return [name for name in names if _fits(self.get_document(name), circuit)]

    def user_names(self) -> list[str]:
        """Names of circuits of other tabs, and of those that the person added, that fit."""
        others = {**self._reference_documents, **self.rival_documents}
        return [name for name in self.matching_names() if name not in others]

    @property
    def rival_documents(self) -> dict[str, Document]:
        """The measured rivals of the open circuit, by their names, in the order of the measurement.

        They have no scores, so that all of their edges are drawn strong.
        """
        document = self._documents.document
        measurement, circuit = document.measures.get(RIVALS), document.state.circuit
        source = (measurement, None if circuit is None else circuit.graph)
        if any(part is not known for part, known in zip(source, self._rivals_source, strict=True)):
            self._rivals_source, self._rival_documents = source, {}
            if measurement is not None and circuit is not None:
                self._rival_documents = _build_rivals(document.state, circuit.graph, measurement["result"])
        return self._rival_documents

    def get_document(self, name: str) -> Document:
        """A circuit by its name."""
        if (tab := self._tabs_by_name.get(name)) is not None:
            return tab.user_document
        for documents in (self._user_documents, self._reference_documents):
            if name in documents:
                return documents[name]
        return self.rival_documents[name]

    # changes

    def add_open_circuit(self) -> str:
        """Keep the open circuit as it is now.

        Returns:
            The name that it got.
        """
        document = self._documents.document
        state = document.state
        document_copy = Document(State(state.origin, state.scores, state.live_circuit, labels=state.labels))
        document_copy.extra = dict(document.extra)
        name = self._unused_name(describe_circuit(document_copy))
        self._user_documents[name] = document_copy
        self.chosen_name = self.chosen_name if self.chosen_document is not None else name
        self.changed.emit()
        return name

    def overlay_circuit(self, name: str) -> None:
        """Compare the open circuit with this one, and draw both on one canvas."""
        self.chosen_name, self.is_overlaid = name, True
        self._emit_changes()

    def follow_measure(self, name: str) -> None:
        """Offer and draw the rivals of a new measurement instead of those of the one before."""
        if name == RIVALS:
            self.is_overlaid = self.is_overlaid and self.chosen_document is not None
            self._emit_changes()

    def add_file(self, path: Path) -> None:
        """Add a circuit file under its name; a failure is shown."""

        def add(document: Document) -> None:
            self._user_documents[path.name] = document
            self.chosen_name = path.name
            self._tabs_by_name = self._name_tabs()
            self.changed.emit()

        title = f"Could not open {path.name}"
        self._file_loader.load(partial(import_document, path), add, title, key="comparison")

    def choose_circuit(self, name: str) -> None:
        """Compare the open circuit with this one."""
        self.chosen_name = name
        self.is_overlaid = self.is_overlaid and self.chosen_document is not None
        self._emit_changes()

    def set_overlaid(self, is_overlaid: bool) -> None:
        """Draw both circuits on one canvas, or the open one alone again."""
        is_overlaid = is_overlaid and self.chosen_document is not None
        if is_overlaid != self.is_overlaid:
            self.is_overlaid = is_overlaid
            self._emit_changes()

    def _follow_tabs(self) -> None:
        """Keep the chosen tab chosen under another name; once in front, compare it the other way round.

        Where the tab in front is another one or has another document, that is about to be told.
        """
        tabs, before, front_before = self._tabs, self._tabs_by_name, self._front
        self._front, self._tabs_by_name = tabs.front, self._name_tabs()
        if (chosen := before.get(self.chosen_name)) is not None:
            chosen = front_before if chosen is tabs.front else chosen
            self.chosen_name = next((name for name, tab in self._tabs_by_name.items() if tab is chosen), "")
        if self._front is front_before and _without(before, self._front) != _without(
            self._tabs_by_name, self._front
        ):
            self.changed.emit()

    def _name_tabs(self) -> dict[str, DocumentTab]:
        """The tabs that have a circuit, by names that nothing else has."""
        taken = {*self._user_documents, *self._reference_documents}
        named = zip(self._tabs.display_names(), self._tabs.tabs, strict=True)
        return {
            f"{name} (tab)" if name in taken else name: tab
            for name, tab in named
            if tab.user_document.state.circuit is not None
        }

    def _on_references_loaded(self, reply: ReferencesLoaded) -> None:
        self._reference_documents = reply.documents
        self.changed.emit()

    def _emit_changes(self) -> None:
        self.changed.emit()
        self._documents.state_changed.emit()

    def _matching_references(self, shape: ModelShape, origin: Origin | None) -> list[str]:
        """References of this shape: those of the circuit's own model and ablation first."""
        model, ablation = (origin.model, origin.ablation) if origin else ("", "")
        ranked = []
        for name, document in self._reference_documents.items():
            reference = document.extra["reference"]
            if _shape_of(document) == shape:
                ranked.append((reference["model"] != model, reference["ablation"] != ablation, name))
        return [name for _, _, name in sorted(ranked)]

    def _unused_name(self, name: str) -> str:
        taken = (*self._user_documents, *self._reference_documents, *self._tabs_by_name)
        unused, number = name, 2
        while unused in taken:
            unused, number = f"{name} ({number})", number + 1
        return unused


def describe_circuit(document: Document) -> str:
    """A circuit's name from what it is: method, task and size."""
    origin, circuit = document.state.origin, document.state.live_circuit
    size = f"{circuit.n_edges:,} edges" if circuit is not None else "no circuit"
    return f"{origin.method} on {origin.task}, {size}" if origin is not None else size


def _build_rivals(state: State, graph: Graph, result: dict[str, Any]) -> dict[str, Document]:
    """A document for each rival of a result; none where the result is of another graph."""
    try:
        circuits = [Circuit.from_names(graph, names) for names in result["rivals"]]
    except InputError:
        return {}
    return {
        f"rival {number} of {THIS_CIRCUIT}": Document(State(state.origin, circuit=circuit))
        for number, circuit in enumerate(circuits, start=1)
    }


def _shape_of(document: Document) -> ModelShape | None:
    circuit = document.state.live_circuit
    return None if circuit is None else circuit.graph.shape


def _fits(document: Document, circuit: Circuit) -> bool:
    """Whether both are of one basis: a site shown as features has other nodes than its heads or MLP."""
    other, shape = document.state.circuit, circuit.graph.shape
    return other is not None and _shape_of(document) == shape and other.graph.same_as(circuit.graph)


def _without(tabs: dict[str, DocumentTab], front: DocumentTab) -> dict[str, DocumentTab]:
    return {name: tab for name, tab in tabs.items() if tab is not front}
