"""Circuits to compare the open one with: kept ones, files, references that ship."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Document, Origin, State
from circuitviz.formats import import_document
from circuitviz.graph import Circuit, ModelShape
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.requests.load_references import LoadReferences, ReferencesLoaded
from circuitviz.workbench.requests.messages import Request
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.file_loader import FileLoader

THIS_CIRCUIT = "this circuit"


class ComparisonSet(QObject):
    """What can be compared, which of it is chosen, and whether the canvas shows both.

    Only circuits of the open one's shape can be chosen. They stay until the window closes: circuits of
    several tasks are found one after another.

    Attributes:
        chosen_name: The circuit that is compared with; empty where none is.
        is_overlaid: Whether both are drawn on one canvas.
    """

    changed = Signal()

    def __init__(
        self,
        documents: DocumentSwitcher,
        file_loader: FileLoader,
        submit: Callable[[Request], JobHandle],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._documents, self._file_loader, self._submit = documents, file_loader, submit
        self.chosen_name = ""
        self.is_overlaid = False
        self._user_documents: dict[str, Document] = {}
        self._reference_documents: dict[str, Document] = {}

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
        """Names of what fits: the model's own references, other references, then what was kept."""
        state = self._documents.document.state
        if state.circuit is None:
            return []
        circuit, shape = state.circuit, state.circuit.graph.shape
        user_names = [name for name, document in self._user_documents.items() if _shape_of(document) == shape]
        names = [*self._matching_references(shape, state.origin), *user_names]
        return [name for name in names if _has_same_graph(self.get_document(name), circuit)]

    def user_names(self) -> list[str]:
        """Names of circuits that the person kept or opened, and that fit."""
        return [name for name in self.matching_names() if name in self._user_documents]

    def get_document(self, name: str) -> Document:
        """A circuit by its name."""
        is_users = name in self._user_documents
        return self._user_documents[name] if is_users else self._reference_documents[name]

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

    def overlay_circuit(self, name: str, circuit: Circuit) -> None:
        """Keep a circuit of the open one's graph under a name, and draw both on one canvas."""
        state = self._documents.document.state
        self._user_documents[name] = Document(State(state.origin, state.scores, circuit))
        self.chosen_name, self.is_overlaid = name, True
        self._emit_changes()

    def add_file(self, path: Path) -> None:
        """Add a circuit file under its name; a failure is shown."""

        def add(document: Document) -> None:
            self._user_documents[path.name] = document
            self.chosen_name = path.name
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
        taken = (*self._user_documents, *self._reference_documents)
        unused, number = name, 2
        while unused in taken:
            unused, number = f"{name} ({number})", number + 1
        return unused


def describe_circuit(document: Document) -> str:
    """A circuit's name from what it is: method, task and size."""
    origin, circuit = document.state.origin, document.state.live_circuit
    size = f"{circuit.n_edges:,} edges" if circuit is not None else "no circuit"
    return f"{origin.method} on {origin.task}, {size}" if origin is not None else size


def _shape_of(document: Document) -> ModelShape | None:
    circuit = document.state.live_circuit
    return None if circuit is None else circuit.graph.shape


def _has_same_graph(document: Document, circuit: Circuit) -> bool:
    """Whether both are in one basis: a site shown as features has other nodes than its heads or MLP."""
    other = document.state.circuit
    return other is not None and other.graph.same_as(circuit.graph)
