"""Circuits that lie beside the open one, to be compared with it: kept ones, files, references that ship."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.formats import import_document
from circuitviz.graph import Circuit, Shape
from circuitviz.jobs import OpenBeside, ReadReferences, References, Reply
from circuitviz.session import Document, Provenance, State

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk

HERE = "this circuit"


class Beside(QObject):
    """What can be compared, which of it is chosen, and whether the canvas shows both.

    Only circuits of the open one's shape can be chosen. They stay until the window closes: circuits
    of several tasks are found one after another.
    """

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self.name = ""
        self.overlaid = False
        self._kept: dict[str, Document] = {}
        self._shipped: dict[str, Document] = {}
        desk.document_opened.connect(lambda: self.show_both(False))
        desk.arrived.connect(self._arrived)

    def start(self) -> None:
        """Have the references read."""
        self.desk.ask(ReadReferences())

    # what there is

    @property
    def chosen(self) -> Document | None:
        """The circuit that is chosen, if it still fits the open one."""
        return self.document(self.name) if self.name in self.names() else None

    def names(self) -> list[str]:
        """Names of what fits: the model's own references first, then other references, then what was kept."""
        circuit, where = self.desk.document.state.circuit, self.desk.document.state.provenance
        if circuit is None:
            return []
        shape = circuit.graph.shape
        every = [*self._fitting(shape, where), *(n for n in self._kept if _shape(self._kept[n]) == shape)]
        return [name for name in every if _same_graph(self.document(name), circuit)]

    def kept(self) -> list[str]:
        """Names of circuits that a person kept or opened, and that fit."""
        return [name for name in self.names() if name in self._kept]

    def document(self, name: str) -> Document:
        """A circuit by its name."""
        return self._kept[name] if name in self._kept else self._shipped[name]

    # wishes

    def keep(self) -> str:
        """Keep the open circuit as it is now; returns the name that it got."""
        state = self.desk.document.state
        kept = Document(State(state.provenance, state.scores, state.live, labels=state.labels))
        kept.extra = dict(self.desk.document.extra)
        name = self._free(said_of(kept))
        self._kept[name] = kept
        self.name = self.name if self.chosen is not None else name
        self.changed.emit()
        return name

    def open(self, path: Path) -> None:
        """Take any circuit file, by its name; the person is told where it is none."""

        def take(document: Document) -> None:
            self._kept[path.name] = document
            self.name = path.name
            self.changed.emit()

        self.desk.reader.fetch(OpenBeside(partial(import_document, path), take))

    def forget(self, name: str) -> None:
        """Let go of a circuit that was kept."""
        if self._kept.pop(name, None) is not None:
            self.choose("" if name == self.name else self.name)

    def choose(self, name: str) -> None:
        """Hold the open circuit against this one."""
        self.name = name
        self.overlaid = self.overlaid and self.chosen is not None
        self._tell()

    def show_both(self, overlaid: bool) -> None:
        """Draw both circuits on one canvas, or the open one alone again."""
        overlaid = overlaid and self.chosen is not None
        if overlaid != self.overlaid:
            self.overlaid = overlaid
            self._tell()

    # what is drawn

    @property
    def drawn(self) -> State | None:
        """The circuit that is drawn with the open one; None where that is to be drawn alone."""
        other = self.chosen if self.overlaid and self.desk.preview is None else None
        return None if other is None else other.state

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, References):
            self._shipped = reply.documents
            self.changed.emit()

    def _tell(self) -> None:
        self.changed.emit()
        self.desk.state_changed.emit()

    def _fitting(self, shape: Shape, where: Provenance | None) -> list[str]:
        model, ablation = (where.model, where.ablation) if where else ("", "")
        found = []
        for name, document in self._shipped.items():
            told = document.extra["reference"]
            if _shape(document) == shape:
                found.append((told["model"] != model, told["ablation"] != ablation, name))
        return [name for _, _, name in sorted(found)]

    def _free(self, name: str) -> str:
        number = 2
        taken: Sequence[str] = (*self._kept, *self._shipped)
        free = name
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free


def said_of(document: Document) -> str:
    """A circuit's name from what it is: method, task, model and size."""
    where, circuit = document.state.provenance, document.state.live
    size = f"{circuit.n_edges:,} edges" if circuit is not None else "no circuit"
    return f"{where.method} on {where.task}, {size}" if where is not None else size


def _shape(document: Document) -> Shape | None:
    circuit = document.state.live
    return None if circuit is None else circuit.graph.shape


def _same_graph(document: Document, circuit: Circuit) -> bool:
    """Whether both are in one basis: a site that one has opened has other nodes in the other."""
    other = document.state.circuit
    return other is not None and other.graph.same_as(circuit.graph)
