"""A path that was highlighted is written on the canvas for as long as it is what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.graph import Scores
from circuitviz.graph.wiring import Path
from circuitviz.panels.sides import has

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Trails(QObject):
    """Follows the desk: a path comes by ``traced`` and goes with the selection that it was."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.desk, self.view = window.desk, window.view
        self._edges: frozenset[str] = frozenset()
        self._scores: Scores | None = None
        self.desk.traced.connect(self.show)
        self.desk.selection_changed.connect(self._follow)
        self.desk.state_changed.connect(self._check)

    def show(self, traced: tuple[Path, str]) -> None:
        """Write on a path what it is worth."""
        path, text = traced
        self._edges, self._scores = self.desk.edges, self.desk.state.scores
        self.view.stage.trail.show_path(path, text)
        self.view.setAccessibleDescription(f"From {path.nodes[0]} to {path.nodes[-1]}: {text}")

    def clear(self) -> None:
        """Write nothing."""
        self.view.stage.trail.show_path(None, "")

    def _check(self) -> None:
        """A path that lost an edge, or whose edges have other scores now, is no longer what is written."""
        path, state = self.view.stage.trail.path, self.desk.state
        if path is None:
            return
        there = state.live is not None and all(has(state.live, edge) for edge in self._edges)
        if not there or state.scores is not self._scores:
            self.clear()

    def _follow(self) -> None:
        if self.view.stage.trail.path is not None and (self.desk.nodes or self.desk.edges != self._edges):
            self.clear()
