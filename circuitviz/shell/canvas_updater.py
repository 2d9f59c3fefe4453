"""From the desk's state to the canvas: at once where that takes a frame, else in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.canvas.scene_request import BuiltScene, SceneRequest
from circuitviz.jobs import RunTask, TaskDone, Worker
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.workbench.requests.messages import JobFailed, Reply
from circuitviz.workspace.comparison_set import THIS_CIRCUIT

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class DrawCircuit(RunTask):
    """Draw a sketch; a later one takes the place of one that waits."""

    title = "The circuit could not be drawn"


class CanvasUpdater(QObject):
    """Keeps the canvas at the desk's state. The latest wish wins; the old picture stays until it is drawn."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.workspace, self.view = window, window.workspace, window.view
        self._shown_sketch: SceneRequest | None = None
        self._pending_sketch: SceneRequest | None = None
        self._drawn_callbacks: list[Callable[[], None]] = []
        self._worker = Worker(parent=self)
        self._worker.replied.connect(self._handle_reply)

    @property
    def is_pending(self) -> bool:
        """Whether the canvas still shows what was before."""
        return self._pending_sketch is not None

    def redraw(self, is_deferred: bool = False) -> None:
        """Draw what is on the desk now; ``is_deferred``: in the next turn of the event loop."""
        sketch = self._create_sketch()
        if is_deferred and not sketch.is_expensive and sketch.state.circuit is not None:
            self._pending_sketch = sketch
            self.workspace.worker.event_loop_queue.add(partial(self._draw_pending, sketch), "first picture")
            return
        if not sketch.is_expensive or sketch.has_same_layout_as(self._shown_sketch):
            self._show_drawing(sketch, sketch.build())
            return
        self._pending_sketch = sketch
        if not self.view.scene_items.geometry.scene.nodes and sketch.state.circuit is not None:
            nodes = sketch.state.circuit.n_nodes
            self.view.show_scene(CircuitScene(), f"Laying out {nodes:,} nodes …")
        self._worker.submit(DrawCircuit("canvas", sketch.build, partial(self._on_drawn, sketch)))
        self._worker.start()

    def _draw_pending(self, sketch: SceneRequest) -> None:
        if sketch is self._pending_sketch:
            self._show_drawing(sketch, sketch.build())

    def _on_drawn(self, sketch: SceneRequest, drawn: BuiltScene) -> None:
        if sketch is self._pending_sketch:
            self._show_drawing(sketch, drawn)

    def call_when_drawn(self, callback: Callable[[], None]) -> None:
        """Do something to the canvas once it shows what is on the desk: now, where it does."""
        if self.is_pending:
            self._drawn_callbacks.append(callback)
        else:
            callback()

    def reset(self) -> None:
        """Another document comes: what was to be done to the old one's picture is void."""
        self._shown_sketch = self._pending_sketch = None
        self._drawn_callbacks.clear()

    def stop(self) -> None:
        """End the thread, before the window goes."""
        self.reset()
        self._worker.stop()

    def _create_sketch(self) -> SceneRequest:
        desk = self.workspace
        other = desk.comparison.overlaid_state
        beside = None if other is None else (other, (THIS_CIRCUIT, desk.comparison.chosen_name))
        return SceneRequest(
            desk.state, self.window.layout_name, desk.edge_opacity, beside, desk.partial_result is not None
        )

    def _handle_reply(self, reply: Reply) -> None:
        if isinstance(reply, TaskDone):
            reply.request.on_done(reply.result)
        elif isinstance(reply, JobFailed):
            self._pending_sketch = None
            self._drawn_callbacks.clear()
            self.workspace.post_message(reply.message)
            self.workspace.failure_reported.emit(reply)

    def _show_drawing(self, sketch: SceneRequest, drawn: BuiltScene) -> None:
        self._shown_sketch, self._pending_sketch = sketch, None
        self.window.group_controller.show_drawing(drawn)
        waiting, self._drawn_callbacks = self._drawn_callbacks, []
        for work in waiting:
            work()
