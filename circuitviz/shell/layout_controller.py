"""Switching between the layouts of the nodes."""

from __future__ import annotations

from functools import partial

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.layout import layouts
from circuitviz.shell.canvas_updater import CanvasUpdater
from circuitviz.shell.settings import Settings
from circuitviz.workspace import Workspace


class LayoutController:
    """Switches the layout of the canvas and says which one is used; moved nodes stay where they were put."""

    def __init__(
        self, workspace: Workspace, view: CircuitView, canvas_updater: CanvasUpdater, settings: Settings
    ) -> None:
        self._workspace, self._view, self._canvas_updater = workspace, view, canvas_updater
        self._settings = settings
        canvas_updater.is_horizontal = settings.is_canvas_horizontal

    def switch_to_next_layout(self) -> None:
        """Use the next layout that has something of its own to show for this circuit."""
        if (circuit := self._workspace.state.circuit) is None:
            return
        graph, nodes = circuit.graph, circuit.node_names
        names = [
            entry.name
            for entry in layouts.entries()
            if not entry.extra.get("needs_columns") or entry.extra["columns"](graph, nodes)
        ]
        now = self._canvas_updater.layout_name
        place = names.index(now) if now in names else -1
        self.choose_layout(names[(place + 1) % len(names)])

    def choose_layout(self, name: str) -> None:
        """Use a layout, by its registered name."""
        self._canvas_updater.layout_name = name
        self._canvas_updater.redraw()
        self._canvas_updater.call_when_drawn(partial(self._on_laid_out, name))

    def toggle_orientation(self) -> None:
        """Let layers go from left to right, or upwards again; kept for the next start."""
        is_horizontal = not self._canvas_updater.is_horizontal
        self._settings.is_canvas_horizontal = self._canvas_updater.is_horizontal = is_horizontal
        self._canvas_updater.redraw()
        way = "from left to right" if is_horizontal else "upwards"
        self._workspace.post_message(f"Layers go {way}.")

    def _on_laid_out(self, name: str) -> None:
        self._view.fit()
        if name == "tokens" and not self._view.circuit_scene.columns:
            message = "These nodes have no token position, so they are laid out by layer."
        else:
            message = f"Layout: {layouts.get(name).summary}"
        self._workspace.post_message(message)
