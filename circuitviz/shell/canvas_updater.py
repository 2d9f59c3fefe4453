"""From the workspace's state to the canvas: at once where that takes a frame, else on a pool thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_request import BuiltScene, SceneRequest
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.shell.node_names import NodeNames
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workspace import Workspace
from circuitviz.workspace.comparison_set import THIS_CIRCUIT

LANE = "canvas"
TITLE = "Could not draw the circuit"


class CanvasUpdater(QObject):
    """Keeps the canvas at the workspace's state. The latest wins; the old scene stays until it is built.

    Attributes:
        layout_name: The layout that is used.
        is_horizontal: Whether layers go from left to right.
    """

    scene_built = Signal(object)  # BuiltScene, to be put on the canvas

    def __init__(
        self,
        workspace: Workspace,
        view: CircuitView,
        names: NodeNames,
        parent: QObject | None = None,
        key: str = "scene",
    ) -> None:
        """Draw on a view; ``key``: of its scenes, of which the latest alone is built."""
        super().__init__(parent)
        self._workspace, self._view, self._names, self._key = workspace, view, names, key
        self.layout_name, self.is_horizontal = "layered", False
        self._shown_request: SceneRequest | None = None
        self._pending_request: SceneRequest | None = None
        self._drawn_callbacks: list[Callable[[], None]] = []

    @property
    def is_pending(self) -> bool:
        """Whether the canvas still shows what was before."""
        return self._pending_request is not None

    def redraw(self, is_deferred: bool = False) -> None:
        """Draw what is in the workspace now; ``is_deferred``: in the next turn of the event loop."""
        request = self._create_request()
        if is_deferred and not request.is_expensive and request.state.circuit is not None:
            self._pending_request = request
            queue = self._workspace.worker.event_loop_queue
            queue.add(partial(self._draw_pending, request), "first scene")
            return
        if not request.is_expensive or request.has_same_layout_as(self._shown_request):
            self._show(request, request.build())
            return
        self._pending_request = request
        if not self._view.scene_items.geometry.scene.nodes and request.state.circuit is not None:
            n_nodes = request.state.circuit.n_nodes
            self._view.show_scene(CircuitScene(), f"Laying out {n_nodes:,} nodes …")
        handle = self._workspace.task_pool.submit(request.build, lane=LANE, title=TITLE, key=self._key)
        handle.finished.connect(partial(self._on_built, request))
        handle.failed.connect(self._on_failed)

    def call_when_drawn(self, callback: Callable[[], None]) -> None:
        """Do something to the canvas once it shows what is in the workspace: now, where it does."""
        if self.is_pending:
            self._drawn_callbacks.append(callback)
        else:
            callback()

    def reset(self) -> None:
        """Another document comes: what was to be done to the old one's scene is void."""
        self._shown_request = self._pending_request = None
        self._drawn_callbacks.clear()

    def _draw_pending(self, request: SceneRequest) -> None:
        if request is self._pending_request:
            self._show(request, request.build())

    def _on_built(self, request: SceneRequest, built: BuiltScene) -> None:
        if request is self._pending_request:
            self._show(request, built)

    def _on_failed(self, failure: JobFailed) -> None:
        self._pending_request = None
        self._drawn_callbacks.clear()
        self._workspace.notifier.report_failure(failure)

    def _create_request(self) -> SceneRequest:
        workspace = self._workspace
        other = workspace.comparison.overlaid_state
        names = (THIS_CIRCUIT, workspace.comparison.chosen_name)
        comparison = None if other is None else (other, names)
        is_searching = workspace.partial_result is not None
        return SceneRequest(
            workspace.state,
            self.layout_name,
            workspace.edge_opacity,
            comparison,
            is_searching,
            self.is_horizontal,
            self._names.naming,
            self._names.top_tokens,
            self._view.create_fitting(),
        )

    def _show(self, request: SceneRequest, built: BuiltScene) -> None:
        before, self._shown_request, self._pending_request = self._shown_request, request, None
        self.scene_built.emit(built)
        if before is not None and not request.is_of_same_circuit_as(before):
            self._view.fit(self._view.is_showing_all)  # where one had zoomed is no place of this circuit
        waiting, self._drawn_callbacks = self._drawn_callbacks, []
        for callback in waiting:
            callback()
