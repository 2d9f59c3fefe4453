"""A node's edges in two lists, those that it reads and those that read it, with their shares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from circuitviz.document import State
from circuitviz.document.node_edges import NodeEdge, node_edges
from circuitviz.graph.edge_words import edge_in_words
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.widgets.elided_button import ElidedButton
from circuitviz.panels.widgets.layouts import lay_out_column

MAX_LISTED_EDGES = 6  # of each list, until all are asked for


class NodeEdgeLists(QWidget):
    """Signals: ``edge_chosen(name)``: an edge was clicked."""

    edge_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.incoming, self.outgoing = EdgeList("In"), EdgeList("Out")
        lay_out_column(self.incoming, self.outgoing, parent=self, spacing=7)
        for edge_list in (self.incoming, self.outgoing):
            edge_list.edge_chosen.connect(self.edge_chosen)

    def show_edges(self, state: State, node: str) -> None:
        """Show the edges of a node of a state's circuit."""
        for edge_list, edges in zip((self.incoming, self.outgoing), node_edges(state, node), strict=True):
            edge_list.show_edges(node, edges)


class EdgeList(QWidget):
    """Edges as links, with score and share of the node's |score|; the strongest, or all.

    Attributes:
        edges: All edges, those that are not listed too.
        edge_buttons: The links, one for each edge that is listed.
    """

    edge_chosen = Signal(str)

    def __init__(self, direction: str) -> None:
        super().__init__()
        self.direction, self.node = direction, ""
        self.edges: Sequence[NodeEdge] = ()
        self.edge_buttons: list[ElidedButton] = []
        self._value_labels: list[tuple[QLabel, QLabel]] = []
        self._shows_all = False
        self.heading_label = QLabel("", objectName="heading", wordWrap=True)
        self.heading_label.setContentsMargins(0, 6, 0, 0)
        self.all_button = QPushButton("All edges", objectName="link")
        self.all_button.clicked.connect(self._toggle_all)
        self._grid = QGridLayout(horizontalSpacing=10, verticalSpacing=0)
        self._grid.setColumnStretch(0, 1)
        lay_out_column(self.heading_label, self._grid, self.all_button, parent=self, spacing=1)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.all_button.hide()

    def show_edges(self, node: str, edges: Sequence[NodeEdge]) -> None:
        """Show other edges; another node's list begins with the strongest alone."""
        if node != self.node:
            self.node, self._shows_all = node, False
        self.edges = edges
        self._refresh()

    def _refresh(self) -> None:
        edges = self.edges
        listed = edges if self._shows_all else edges[:MAX_LISTED_EDGES]
        number = f"{len(edges):,} edge{'s' if len(edges) != 1 else ''}" if edges else "no edges"
        shares = [edge.share for edge in edges if edge.share is not None]
        of_node = f", {decimal_number(100 * sum(shares), 0)} % of the node’s |score|" if shares else ""
        self.heading_label.setText(f"{self.direction}: {number}{of_node}")
        while len(self.edge_buttons) < len(listed):
            self._add_row()
        for i, (button, labels) in enumerate(zip(self.edge_buttons, self._value_labels, strict=True)):
            for widget in (button, *labels):
                widget.setVisible(i < len(listed))
            if i < len(listed):
                self._fill_row(listed[i], button, *labels)
        self.all_button.setVisible(len(edges) > MAX_LISTED_EDGES)
        self.all_button.setText("Fewer" if self._shows_all else f"All {len(edges):,} edges")
        self.setVisible(bool(edges))

    def _fill_row(self, edge: NodeEdge, button: ElidedButton, score: QLabel, share: QLabel) -> None:
        button.show_lines(edge_in_words(edge.name))
        button.setToolTip(f"{edge.name} is ablated" if edge.is_ablated else edge.name)
        if button.property("dimmed") != edge.is_ablated:
            button.setProperty("dimmed", edge.is_ablated)
            button.style().polish(button)
        score.setText("" if edge.score is None else signed_number(edge.score, 4))
        share.setText("" if edge.share is None else f"{decimal_number(100 * edge.share, 1)} %")

    def _add_row(self) -> None:
        row, button = len(self.edge_buttons), ElidedButton("", name="link")
        button.setProperty("dimmed", False)
        labels = QLabel("", objectName="muted"), QLabel("")
        button.clicked.connect(partial(self._choose_edge, row))
        self._grid.addWidget(button, row, 0)
        for column, label in enumerate(labels, start=1):
            self._grid.addWidget(
                label, row, column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
        self.edge_buttons.append(button)
        self._value_labels.append(labels)

    def _choose_edge(self, row: int) -> None:
        self.edge_chosen.emit(self.edges[row].name)

    def _toggle_all(self) -> None:
        self._shows_all = not self._shows_all
        self._refresh()
