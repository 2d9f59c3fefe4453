"""From the desk's state to the canvas: at once where that takes a frame, else in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.canvas.picture import CircuitPicture
from circuitviz.canvas.sketch import Drawn, Sketch
from circuitviz.jobs import Failed, Made, Make, Reply, Worker
from circuitviz.panels.beside import HERE

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class DrawCircuit(Make):
    """Draw a sketch; a later one takes the place of one that waits."""

    title = "The circuit could not be drawn"


class Drawing(QObject):
    """Keeps the canvas at the desk's state. The latest wish wins; the old picture stays until it is drawn."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.desk, self.view = window, window.desk, window.view
        self._shown: Sketch | None = None
        self._pending: Sketch | None = None
        self._then: list[Callable[[], None]] = []
        self._worker = Worker(parent=self)
        self._worker.replied.connect(self._reply)

    @property
    def pending(self) -> bool:
        """Whether the canvas still shows what was before."""
        return self._pending is not None

    def draw(self, soon: bool = False) -> None:
        """Draw what is on the desk now; ``soon``: in the next turn of the event loop."""
        sketch = self._sketch()
        if soon and not sketch.is_much and sketch.state.circuit is not None:
            self._pending = sketch
            self.desk.worker.turns.add(partial(self._draw_pending, sketch), "first picture")
            return
        if not sketch.is_much or sketch.is_laid_out_as(self._shown):
            self._show(sketch, sketch.draw())
            return
        self._pending = sketch
        if not self.view.stage.geometry.picture.nodes and sketch.state.circuit is not None:
            nodes = sketch.state.circuit.n_nodes
            self.view.show_circuit(CircuitPicture(), f"Laying out {nodes:,} nodes …")
        self._worker.ask(DrawCircuit("canvas", sketch.draw, partial(self._take, sketch)))
        self._worker.start()

    def _draw_pending(self, sketch: Sketch) -> None:
        if sketch is self._pending:
            self._show(sketch, sketch.draw())

    def _take(self, sketch: Sketch, drawn: Drawn) -> None:
        if sketch is self._pending:
            self._show(sketch, drawn)

    def then(self, work: Callable[[], None]) -> None:
        """Do something to the canvas once it shows what is on the desk: now, where it does."""
        if self.pending:
            self._then.append(work)
        else:
            work()

    def forget(self) -> None:
        """Another document comes: what was to be done to the old one's picture is void."""
        self._shown = self._pending = None
        self._then.clear()

    def stop(self) -> None:
        """End the thread, before the window goes."""
        self.forget()
        self._worker.stop()

    def _sketch(self) -> Sketch:
        desk = self.desk
        other = desk.beside.drawn
        beside = None if other is None else (other, (HERE, desk.beside.name))
        return Sketch(desk.state, self.window.layout_name, desk.opacity, beside, desk.preview is not None)

    def _reply(self, reply: Reply) -> None:
        if isinstance(reply, Made):
            reply.request.then(reply.result)
        elif isinstance(reply, Failed):
            self._pending = None
            self._then.clear()
            self.desk.say(reply.message)
            self.desk.failed.emit(reply)

    def _show(self, sketch: Sketch, drawn: Drawn) -> None:
        self._shown, self._pending = sketch, None
        self.window.grouping.show(drawn)
        waiting, self._then = self._then, []
        for work in waiting:
            work()
