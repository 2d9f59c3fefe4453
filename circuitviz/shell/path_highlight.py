"""The label on a highlighted path, shown as long as that path is selected."""

from __future__ import annotations

from PySide6.QtCore import QObject

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.graph import Scores
from circuitviz.graph.connectivity import CircuitPath
from circuitviz.workspace import Workspace
from circuitviz.workspace.comparison_text import has_edge


class PathHighlight(QObject):
    """Shows the strength of a highlighted path, until something else is selected."""

    def __init__(self, workspace: Workspace, view: CircuitView, parent: QObject) -> None:
        super().__init__(parent)
        self.workspace, self.view = workspace, view
        self._edges: frozenset[str] = frozenset()
        self._scores: Scores | None = None
        self.workspace.path_highlighted.connect(self.show_path)
        self.workspace.selection_changed.connect(self._clear_if_deselected)
        self.workspace.state_changed.connect(self._clear_if_outdated)

    def show_path(self, traced: tuple[CircuitPath, str]) -> None:
        """Write the strength of a path on it."""
        path, text = traced
        self._edges, self._scores = self.workspace.selected_edges, self.workspace.state.scores
        self.view.scene_items.path_label.show_path(path, text)
        self.view.setAccessibleDescription(f"From {path.nodes[0]} to {path.nodes[-1]}: {text}")

    def clear_path(self) -> None:
        """Remove the label."""
        self.view.scene_items.path_label.show_path(None, "")

    def _clear_if_outdated(self) -> None:
        """Remove the label where an edge of the path was ablated or the scores are others."""
        path, state = self.view.scene_items.path_label.path, self.workspace.state
        if path is None:
            return
        there = state.live_circuit is not None and all(
            has_edge(state.live_circuit, edge) for edge in self._edges
        )
        if not there or state.scores is not self._scores:
            self.clear_path()

    def _clear_if_deselected(self) -> None:
        if self.view.scene_items.path_label.path is not None and (
            self.workspace.selected_nodes or self.workspace.selected_edges != self._edges
        ):
            self.clear_path()
