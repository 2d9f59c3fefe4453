"""What window and panels share: the document, its undo stack, the worker, and the selection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from circuitviz.errors import InputError
from circuitviz.formats import import_document, open_document, save_document
from circuitviz.jobs import (
    Adopt,
    Catalog,
    Choices,
    Curve,
    Failed,
    Find,
    Found,
    Idle,
    Measure,
    Measured,
    Moved,
    Points,
    Read,
    Reading,
    Ready,
    Reply,
    Request,
    Worker,
)
from circuitviz.panels.undo import StateStep
from circuitviz.session import Change, Command, Document, State, choose_edges, replace_circuit


class Desk(QObject):
    """Turns wishes into commands and requests, and replies into signals."""

    state_changed = Signal()
    document_opened = Signal()
    numbers_changed = Signal(str)  # tier: estimate, small, exact, or empty where unknown
    curve_changed = Signal()
    selection_changed = Signal()
    reading_arrived = Signal(object)
    ready = Signal(object)
    choices_arrived = Signal(object)
    progressed = Signal(object)
    idle = Signal()
    arrived = Signal(object)  # any other reply, for the panel that asked
    failed = Signal(object)
    said = Signal(str)

    def __init__(self, worker: Worker | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.worker = worker or Worker(parent=self)
        self.worker.replied.connect(self._reply)
        self.undo = QUndoStack(self)
        self.document = Document()
        self.device = "cpu"
        self.nodes: frozenset[str] = frozenset()
        self.edges: frozenset[str] = frozenset()
        self.preview: Found | None = None
        self.opened: Ready | None = None
        self.numbers: dict[str, Any] | None = None
        self._exact: tuple[State, dict[str, Any]] | None = None
        self._after = QTimer(self)
        self._after.setSingleShot(True)
        self._after.setInterval(30)
        self._after.timeout.connect(self._measure)

    def start(self) -> None:
        """Start the worker; it loads what takes seconds."""
        self.worker.start()
        self.worker.ask(Catalog())

    # what is open

    @property
    def state(self) -> State:
        """The document's state, or what a running discovery has so far."""
        if self.preview is not None:
            return State(None, self.preview.scores, self.preview.circuit)
        return self.document.state

    def open(self, path: Path) -> None:
        """Open a document, or import another tool's file; the model comes in the background."""
        if path.name.lower().endswith(".circuit"):
            self.set_document(open_document(path))
        else:
            self.set_document(import_document(path))
        self.say(f"Opened {path.name}")

    def set_document(self, document: Document) -> None:
        """Show a document; undo begins anew."""
        self.undo.clear()
        self.document, self.preview, self.opened = document, None, None
        self.nodes = self.edges = frozenset()
        numbers = document.evaluation
        self._exact = None if numbers is None else (document.state, numbers)
        self.document_opened.emit()
        self._show(document.state)
        where, circuit = document.state.provenance, document.state.circuit
        if where is not None and circuit is not None:
            self.worker.ask(Adopt(where, circuit, self.device))

    def save(self, path: Path) -> None:
        """Save the document."""
        save_document(self.document, path)
        self.undo.setClean()
        self.say(f"Saved {path.name}")

    # wishes

    def do(self, command: Command) -> None:
        """Do a command as one step of undo."""
        before = self.document.state
        after = command.change(before)
        if after.hash != before.hash or after.circuit is not before.circuit:
            change = Change(command.text, before, after, command.merge)
            self.undo.push(StateStep(change, self._apply))

    def find(self, request: Find) -> None:
        """Start a discovery."""
        self.worker.ask(request)

    def ask(self, request: Request) -> None:
        """Ask the worker for anything else; its replies come by ``arrived``."""
        self.worker.ask(request)

    def cancel(self) -> None:
        """Stop the running job; what it has found is kept."""
        self.worker.cancel()

    def choose(self, amount: int) -> None:
        """Keep another number of edges."""
        scores, where = self.document.state.scores, self.document.state.provenance
        if scores is None:
            return
        select = where.select if where and where.select != "threshold" else "greedy"
        self.do(choose_edges(scores.select(select, amount), select, amount))

    def draw_curve(self) -> None:
        """Measure faithfulness against the number of edges."""
        state = self.document.state
        if state.scores is not None and self.opened is not None:
            self.worker.ask(Curve(state.scores, "greedy"))

    def select(self, nodes: frozenset[str], edges: frozenset[str]) -> None:
        """Select nodes and edges everywhere."""
        if (nodes, edges) != (self.nodes, self.edges):
            self.nodes, self.edges = nodes, edges
            self.selection_changed.emit()

    def read(self, node: str, prompt: int) -> None:
        """Ask for a node's readings."""
        if self.opened is not None:
            self.worker.ask(Read(node, prompt))

    def say(self, message: str) -> None:
        """A line for the status bar and the log."""
        self.said.emit(message)

    # consequences

    def _apply(self, state: State) -> None:
        self.preview = None
        self.document.apply(state)
        self._show(state)

    def _show(self, state: State) -> None:
        known = self.document.evaluation
        if known is not None:
            self._exact = (state, known)
            self._set_numbers(known, "exact")
        else:
            self._estimate(state)
            if self.opened is not None and state.live is not None:
                self._after.start()
        self.state_changed.emit()

    def _estimate(self, state: State) -> None:
        """First order, within the frame of the click, from the last exact state."""
        if self._exact is None or state.scores is None or state.live is None:
            self._set_numbers(None, "")
            return
        base, numbers = self._exact
        if base.live is None or base.scores is not state.scores:
            self._set_numbers(None, "")
            return
        metric = numbers["metric"]
        span = metric["model"] - metric["ablated"]
        if not span:
            self._set_numbers(None, "")
            return
        moved = metric["circuit"] + state.scores.change(base.live.edges, state.live.edges)
        value = (moved - metric["ablated"]) / span
        guess = {
            **numbers,
            "metric": {**metric, "circuit": moved},
            "faithfulness": {"value": value, "low": None, "high": None},
            "edges": state.live.n_edges,
        }
        self._set_numbers(guess, "estimate")

    def _measure(self) -> None:
        state = self.document.state
        if state.live is not None and self.document.evaluation is None:
            self.worker.ask(Measure(state.live, state.measured))

    def _set_numbers(self, numbers: dict[str, Any] | None, tier: str) -> None:
        self.numbers = numbers
        self.numbers_changed.emit(tier)

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
                if reply.warning:
                    self.say(reply.warning)
                self.ready.emit(reply)
                if self.document.evaluation is None and self.document.state.circuit is not None:
                    self._after.start()
            case Found():
                self._found(reply)
            case Measured():
                self._measured(reply)
            case Points():
                self.document.curve = [dict(point) for point in reply.points]
                self.curve_changed.emit()
            case Reading():
                self.reading_arrived.emit(reply.reading)
            case Failed():
                self.preview = None
                self.state_changed.emit()
                self.say(reply.message)
                self.failed.emit(reply)
            case Idle():
                self.idle.emit()
            case _:
                self.arrived.emit(reply)

    def _found(self, reply: Found) -> None:
        if reply.provenance is None:
            self.preview = reply
            self.state_changed.emit()
            return
        self.preview, self._exact = None, None
        self.document.curve = []
        kept = "partial result kept" if reply.cancelled else "found"
        text = f"Find a circuit with {reply.scores.method}"
        self.do(replace_circuit(reply.circuit, reply.scores, reply.provenance, text))
        self.curve_changed.emit()
        self.say(f"{reply.circuit.n_edges:,} edges {kept}. {reply.circuit.note}".strip())

    def _measured(self, reply: Measured) -> None:
        state = self.document.state
        if reply.tier == "exact":
            self.document.remember(reply.key, reply.numbers)
        if reply.key != state.measured:
            return  # the state has moved on: a stale number is never shown
        if reply.tier == "exact":
            self._exact = (state, reply.numbers)
        self._set_numbers(reply.numbers, reply.tier)
        if reply.tier == "exact" and not self.document.curve:
            self.draw_curve()

    def guarded(self, work: Any, *given: Any) -> bool:
        """Do something that may find its input wrong; the person is told, nothing is lost."""
        try:
            work(*given)
        except InputError as error:
            self.failed.emit(Failed("That did not work", str(error)))
            return False
        return True
