"""A path that was highlighted is written on the canvas for as long as it is what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.graph import Scores
from circuitviz.graph.connectivity import CircuitPath
from circuitviz.workspace.comparison_text import has_edge

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class PathHighlight(QObject):
    """Follows the desk: a path comes by ``traced`` and goes with the selection that it was."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.workspace, self.view = window.workspace, window.view
        self._edges: frozenset[str] = frozenset()
        self._scores: Scores | None = None
        self.workspace.path_highlighted.connect(self.show_path)
        self.workspace.selection_changed.connect(self._clear_if_deselected)
        self.workspace.state_changed.connect(self._clear_if_outdated)

    def show_path(self, traced: tuple[CircuitPath, str]) -> None:
        """Write on a path what it is worth."""
        path, text = traced
        self._edges, self._scores = self.workspace.selected_edges, self.workspace.state.scores
        self.view.scene_items.path_label.show_path(path, text)
        self.view.setAccessibleDescription(f"From {path.nodes[0]} to {path.nodes[-1]}: {text}")

    def clear_path(self) -> None:
        """Write nothing."""
        self.view.scene_items.path_label.show_path(None, "")

    def _clear_if_outdated(self) -> None:
        """A path that lost an edge, or whose edges have other scores now, is no longer what is written."""
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
