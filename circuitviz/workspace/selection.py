"""What is selected, in the canvas and in every panel alike."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

Names = frozenset[str]


class Selection(QObject):
    """Names of selected nodes and edges; a group is named as a node, an arrow between groups as an edge."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.nodes: Names = frozenset()
        self.edges: Names = frozenset()

    def set(self, nodes: Names, edges: Names) -> None:
        """Select these and nothing else."""
        if (nodes, edges) != (self.nodes, self.edges):
            self.nodes, self.edges = nodes, edges
            self.changed.emit()
