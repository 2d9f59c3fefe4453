"""Circuits that lie beside the open one, to be compared with it: kept ones, files, references that ship."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Document, Provenance, State
from circuitviz.formats import import_document
from circuitviz.graph import Circuit, ModelShape
from circuitviz.jobs import OpenComparisonFile
from circuitviz.workbench.requests.load_references import LoadReferences, ReferencesLoaded
from circuitviz.workbench.requests.messages import Reply

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace

THIS_CIRCUIT = "this circuit"


class ComparisonSet(QObject):
    """What can be compared, which of it is chosen, and whether the canvas shows both.

    Only circuits of the open one's shape can be chosen. They stay until the window closes: circuits
    of several tasks are found one after another.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.chosen_name = ""
        self.is_overlaid = False
        self._user_documents: dict[str, Document] = {}
        self._reference_documents: dict[str, Document] = {}
        workspace.document_opened.connect(lambda: self.set_overlaid(False))
        workspace.reply_received.connect(self._handle_reply)

    def load_references(self) -> None:
        """Have the references read."""
        self.workspace.submit_request(LoadReferences())

    # what there is

    @property
    def chosen_document(self) -> Document | None:
        """The circuit that is chosen, if it still fits the open one."""
        return self.get_document(self.chosen_name) if self.chosen_name in self.matching_names() else None

    def matching_names(self) -> list[str]:
        """Names of what fits: the model's own references first, then other references, then what was kept."""
        circuit, where = self.workspace.document.state.circuit, self.workspace.document.state.provenance
        if circuit is None:
            return []
        shape = circuit.graph.shape
        every = [
            *self._matching_references(shape, where),
            *(n for n in self._user_documents if _shape_of(self._user_documents[n]) == shape),
        ]
        return [name for name in every if _has_same_graph(self.get_document(name), circuit)]

    def user_names(self) -> list[str]:
        """Names of circuits that a person kept or opened, and that fit."""
        return [name for name in self.matching_names() if name in self._user_documents]

    def get_document(self, name: str) -> Document:
        """A circuit by its name."""
        return self._user_documents[name] if name in self._user_documents else self._reference_documents[name]

    # wishes

    def add_open_circuit(self) -> str:
        """Keep the open circuit as it is now; returns the name that it got."""
        state = self.workspace.document.state
        kept = Document(State(state.provenance, state.scores, state.live_circuit, labels=state.labels))
        kept.extra = dict(self.workspace.document.extra)
        name = self._unused_name(describe_circuit(kept))
        self._user_documents[name] = kept
        self.chosen_name = self.chosen_name if self.chosen_document is not None else name
        self.changed.emit()
        return name

    def add_file(self, path: Path) -> None:
        """Take any circuit file, by its name; the person is told where it is none."""

        def take(document: Document) -> None:
            self._user_documents[path.name] = document
            self.chosen_name = path.name
            self.changed.emit()

        self.workspace.file_loader.load_file(OpenComparisonFile(partial(import_document, path), take))

    def remove_circuit(self, name: str) -> None:
        """Let go of a circuit that was kept."""
        if self._user_documents.pop(name, None) is not None:
            self.choose_circuit("" if name == self.chosen_name else self.chosen_name)

    def choose_circuit(self, name: str) -> None:
        """Hold the open circuit against this one."""
        self.chosen_name = name
        self.is_overlaid = self.is_overlaid and self.chosen_document is not None
        self._emit_changes()

    def set_overlaid(self, is_overlaid: bool) -> None:
        """Draw both circuits on one canvas, or the open one alone again."""
        is_overlaid = is_overlaid and self.chosen_document is not None
        if is_overlaid != self.is_overlaid:
            self.is_overlaid = is_overlaid
            self._emit_changes()

    # what is drawn

    @property
    def overlaid_state(self) -> State | None:
        """The circuit that is drawn with the open one; None where that is to be drawn alone."""
        other = self.chosen_document if self.is_overlaid and self.workspace.partial_result is None else None
        return None if other is None else other.state

    def _handle_reply(self, reply: Reply) -> None:
        if isinstance(reply, ReferencesLoaded):
            self._reference_documents = reply.documents
            self.changed.emit()

    def _emit_changes(self) -> None:
        self.changed.emit()
        self.workspace.state_changed.emit()

    def _matching_references(self, shape: ModelShape, origin: Provenance | None) -> list[str]:
        model, ablation = (origin.model, origin.ablation) if origin else ("", "")
        found = []
        for name, document in self._reference_documents.items():
            told = document.extra["reference"]
            if _shape_of(document) == shape:
                found.append((told["model"] != model, told["ablation"] != ablation, name))
        return [name for _, _, name in sorted(found)]

    def _unused_name(self, name: str) -> str:
        number = 2
        taken: Sequence[str] = (*self._user_documents, *self._reference_documents)
        free = name
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free


def describe_circuit(document: Document) -> str:
    """A circuit's name from what it is: method, task, model and size."""
    where, circuit = document.state.provenance, document.state.live_circuit
    size = f"{circuit.n_edges:,} edges" if circuit is not None else "no circuit"
    return f"{where.method} on {where.task}, {size}" if where is not None else size


def _shape_of(document: Document) -> ModelShape | None:
    circuit = document.state.live_circuit
    return None if circuit is None else circuit.graph.shape


def _has_same_graph(document: Document, circuit: Circuit) -> bool:
    """Whether both are in one basis: a site that one has opened has other nodes in the other."""
    other = document.state.circuit
    return other is not None and other.graph.same_as(circuit.graph)
