"""What window and panels share: the document, its undo stack, the worker, and the selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from circuitviz.errors import InputError
from circuitviz.graph.wiring import Path as Trail
from circuitviz.jobs import (
    Answered,
    Catalog,
    Choices,
    Curve,
    Failed,
    Find,
    Found,
    Idle,
    Judged,
    Measured,
    Moved,
    Needed,
    Points,
    Read,
    Reading,
    Ready,
    Reply,
    Request,
    Worker,
)
from circuitviz.panels.asking import Asking
from circuitviz.panels.beside import Beside
from circuitviz.panels.documents import Documents
from circuitviz.panels.live import Live
from circuitviz.panels.reader import Reader
from circuitviz.panels.searches import Searches
from circuitviz.panels.undo import StateStep
from circuitviz.panels.writer import Writer
from circuitviz.session import Command, Document, State, choose_edges
from circuitviz.session.question import SELECT
from circuitviz.session.words import graph_source


class Desk(QObject):
    """Turns wishes into commands and requests, and replies into signals."""

    state_changed = Signal()
    input_ends = Signal()  # what is typed and not yet taken over is to be put into the document
    document_left = Signal()  # while it is still there: what belongs to it is to be written into it now
    document_opened = Signal()
    document_shown = Signal()
    curve_changed = Signal()
    selection_changed = Signal()
    prompt_changed = Signal()
    feature_changed = Signal()
    traced = Signal(object)  # (path, text): what is highlighted over several hops, and its strength
    reading_arrived = Signal(object)
    ready = Signal(object)
    choices_arrived = Signal(object)
    progressed = Signal(object)
    idle = Signal()
    searched = Signal()  # a search is over, whatever else still runs
    arrived = Signal(object)  # any other reply, for the panel that asked
    failed = Signal(object)
    said = Signal(str)
    panel_wanted = Signal(str)  # by its registered name, to the front

    def __init__(self, worker: Worker | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.worker = worker or Worker(parent=self)
        self.worker.replied.connect(self._reply)
        self.undo = QUndoStack(self)
        self.document = Document()
        self.device = "cpu"
        self.nodes: frozenset[str] = frozenset()
        self.edges: frozenset[str] = frozenset()
        self.prompt = 0
        self.feature: tuple[str, int] | None = None  # whose dashboard is looked at: site and number
        self.opened: Ready | None = None
        self.opacity: dict[str, float] | None = None
        self._curved = State()  # whose curve is being measured
        self.blind = False  # labels and groups are hidden while someone labels anew
        self.searches, self.documents = Searches(self), Documents(self)
        self.live = Live(self)
        self.asking = Asking(self)
        self.beside = Beside(self)
        self.reader = Reader(self)
        self.writer = Writer(self)

    def start(self) -> None:
        """Start the worker, which loads what takes seconds, and the reader."""
        self.worker.start()
        self.reader.start()
        self.worker.ask(Catalog())
        self.beside.start()

    # what is open

    @property
    def own(self) -> Document:
        """The person's document; ``document`` is what is on the screen, perhaps a search's partial result."""
        return self.searches.own

    @property
    def preview(self) -> Found | None:
        """What a running search has so far, where that is on the screen."""
        return self.searches.preview

    @property
    def state(self) -> State:
        """The document's state, without labels and groups during a blind round."""
        if self.blind:
            return replace(self.document.state, labels={}, groups={})
        return self.document.state

    def open(self, path: Path, then: Callable[[Document], None] | None = None) -> None:
        """Read a file in the background, and show it, or give it to ``then``; its model comes later."""
        self.reader.open(path, then or partial(self.show, path))

    def show(self, path: Path, document: Document) -> None:
        """Show what a file holds."""
        self.set_document(document)
        scores = document.state.scores
        source = "" if scores is None else graph_source(scores.info)
        self.say(f"Opened {path.name}{f': {source}' if source else ''}")

    def stop(self) -> None:
        """End all threads and wait for them, before the window goes; what is being written is written."""
        self.worker.stop()
        self.reader.stop()
        self.writer.stop()

    def set_document(self, document: Document) -> None:
        """Show a document; undo begins anew."""
        self.documents.open(document)

    # wishes

    def do(self, command: Command) -> None:
        """Do a command as one step of undo."""
        document, before = self.document, self.document.state
        after = command.change(before)
        if after.hash == before.hash and after.circuit is before.circuit:
            return
        if self.preview is not None:
            self.say("The search is not over; its circuit can be changed when it is")
        else:
            places = (document, before), (document, after)
            self.undo.push(StateStep(command.text, *places, self.documents.go, command.merge))

    def find(self, request: Find, example: bool = False) -> bool:
        """Start a discovery; False where a person rather keeps unsaved work in sight."""
        if not self.searches.begin(request.kin(self.own.state.provenance), example):
            return False
        self.asking.begin()
        self.worker.ask(request)
        return True

    def ask(self, request: Request) -> None:
        """Ask the worker for anything else; its replies come by ``arrived``."""
        self.worker.ask(request)

    def cancel(self) -> None:
        """Stop the running job; what a search has found so far is offered."""
        self.worker.cancel()

    def choose(self, amount: int) -> None:
        """Keep another number of edges."""
        scores, where = self.document.state.scores, self.document.state.provenance
        if scores is None:
            return
        select = where.select if where and where.select not in ("threshold", SELECT) else "greedy"
        self.do(choose_edges(scores.select(select, amount), select, amount))

    def draw_curve(self) -> None:
        """Measure faithfulness against the number of edges; circuits of features are not judged by those."""
        state = self.document.state
        if self.asking.question is None and state.scores is not None and self.opened is not None:
            self._curved = state
            self.worker.ask(Curve(state.scores, "greedy", state.opening))

    def select(self, nodes: frozenset[str], edges: frozenset[str]) -> None:
        """Select nodes and edges everywhere."""
        if (nodes, edges) != (self.nodes, self.edges):
            self.nodes, self.edges = nodes, edges
            self.selection_changed.emit()

    def trace(self, path: Trail, text: str, edges: frozenset[str]) -> None:
        """Select edges of one path or of several; ``text``, their strength, is written on ``path``."""
        self.select(frozenset(), edges)
        self.traced.emit((path, text))

    def choose_prompt(self, prompt: int) -> None:
        """Read this prompt everywhere."""
        if prompt != self.prompt:
            self.prompt = prompt
            self.prompt_changed.emit()

    def choose_feature(self, site: str, number: int) -> None:
        """Look at this feature everywhere."""
        if (site, number) != self.feature:
            self.feature = (site, number)
            self.feature_changed.emit()

    def read(self, node: str, prompt: int) -> None:
        """Ask for the readings of a node of a model; those of features are the inspector's."""
        if self.opened is not None and self.asking.question is None:
            state = self.document.state
            graph = None if state.circuit is None else state.circuit.graph
            self.worker.ask(Read(node, prompt, graph, state.options))

    def fade(self, opacity: dict[str, float] | None) -> None:
        """Draw each edge as opaque as told, by name; None draws all as usual."""
        self.opacity = opacity
        self.state_changed.emit()

    def say(self, message: str) -> None:
        """A line for the status bar and the log."""
        self.said.emit(message)

    # consequences

    def _reply(self, reply: Reply) -> None:
        match reply:
            case Moved():
                self.progressed.emit(reply)
            case Choices():
                self.choices_arrived.emit(reply)
                for name, error in reply.broken.items():
                    self.say(f"{name} is disabled: {error}")
            case Ready():
                self.opened = reply
                self.choose_prompt(min(self.prompt, len(reply.prompts) - 1))
                if reply.warning:
                    self.say(reply.warning)
                self.ready.emit(reply)
                self.live.model_came()
            case Needed():
                self.asking.need(reply)
            case Found():
                self.searches.take(reply)
            case Answered():
                self.asking.take(reply)
            case Measured():
                if self.live.measured(reply) and not self.document.curve:
                    self.draw_curve()
            case Points():
                self.own.keep_curve(self._curved, [dict(point) for point in reply.points])
                self.curve_changed.emit()
            case Reading():
                self.reading_arrived.emit(reply.reading)
            case Failed():
                self.searches.failed(reply.request)
                self.state_changed.emit()
                self.say(reply.message)
                self.failed.emit(reply)
            case Idle():
                self.searches.over()
                self.asking.over()
                self.idle.emit()
            case Judged():
                self.document.keep_measure(reply.measure, reply.found)  # before anybody shows it
                self.arrived.emit(reply)
            case _:
                self.arrived.emit(reply)

    def guarded(self, work: Any, *given: Any) -> bool:
        """Do something that may find its input wrong; the person is told, nothing is lost."""
        try:
            work(*given)
        except InputError as error:
            self.failed.emit(Failed("That did not work", str(error)))
            return False
        return True
