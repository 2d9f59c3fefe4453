"""Paths panel: all paths between two selected nodes, the strongest first."""

from __future__ import annotations

from itertools import islice

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
)

from circuitviz.graph.connectivity import CircuitPath, Connectivity
from circuitviz.graph.names import channel_of
from circuitviz.number_text import decimal_number, rounded_number
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.workspace.workspace import Workspace

MAX_LISTED_PATHS = 200  # paths that are listed
PATH_INDEX_ROLE = Qt.ItemDataRole.UserRole
COLUMN_TITLES = ("strength", "share", "hops", "path")
COLUMN_TOOLTIPS = (
    "smallest |score| on the path: the path stays in the circuit up to this threshold",
    "product over edges of the edge's share of all |score| into its receiver",
    "number of edges",
    "nodes of the path, with the head input (q, k, v) that each edge enters",
)


@panels.register(
    "paths", summary="paths between two nodes", title="Paths", area="bottom", place="circuit", order=6
)
class PathsPanel(Panel):
    """Lists the paths between the last two nodes that were selected together; a click highlights one."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.summary_label = QLabel("", objectName="muted")
        self.summary_label.setAccessibleName("Paths found")
        self.highlight_all_button = QPushButton(
            "Highlight all", toolTip="select every edge on any of these paths"
        )
        self.paths_tree = QTreeWidget(accessibleName="Paths, the strongest first", rootIsDecorated=False)
        self.paths_tree.setHeaderLabels(COLUMN_TITLES)
        self.paths_tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.paths_tree.setUniformRowHeights(True)
        for column, tip in enumerate(COLUMN_TOOLTIPS):
            side = Qt.AlignmentFlag.AlignLeft if column == 3 else Qt.AlignmentFlag.AlignRight
            self.paths_tree.headerItem().setToolTip(column, tip)
            self.paths_tree.headerItem().setTextAlignment(column, side | Qt.AlignmentFlag.AlignVCenter)
        header = self.paths_tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        head = FoldingRow(
            self.summary_label, self.highlight_all_button, stretches=(1, 0), margins=(12, 8, 12, 4)
        )
        lay_out_column(head, (self.paths_tree, 1), parent=self)
        self.end_nodes: tuple[str, str] | None = None
        self._path_edges: frozenset[str] = frozenset()
        self._paths: list[CircuitPath] = []
        self._total_text = ""
        self._is_stale = True
        self._fill_when_seen = self.refresh_when_visible(self._fill_list)
        self.paths_tree.itemSelectionChanged.connect(self._highlight_chosen)
        self.highlight_all_button.clicked.connect(self.highlight_all)
        workspace.selection_changed.connect(self._on_selection_changed)
        workspace.state_changed.connect(self._on_state_changed)
        self._fill_list()

    def highlight_all(self) -> None:
        """Select every edge on a path between the two nodes."""
        self._fill_list()
        if self._path_edges:
            self.workspace.highlight_path(self._paths[0], self._total_text, self._path_edges)

    def _on_selection_changed(self) -> None:
        if len(self.workspace.selected_nodes) == 2 and self.workspace.state.circuit is not None:
            order = self.workspace.state.circuit.graph.node_index
            if self.workspace.selected_nodes <= order.keys():
                start, end = sorted(self.workspace.selected_nodes, key=order.__getitem__)
                self.end_nodes = start, end
                self._schedule_fill()

    def _on_state_changed(self) -> None:
        live, end_nodes = self.workspace.state.live_circuit, self.end_nodes
        if end_nodes is not None and (live is None or not set(end_nodes) <= live.graph.node_index.keys()):
            self.end_nodes = None
        self._schedule_fill()

    def _schedule_fill(self) -> None:
        self._is_stale = True
        self._fill_when_seen()

    def _fill_list(self) -> None:
        """List the paths through edges that are not ablated."""
        if not self._is_stale:
            return
        self._is_stale = False
        live, scores = self.workspace.state.live_circuit, self.workspace.state.scores
        paths: list[CircuitPath] = []
        self._path_edges = frozenset()
        self.paths_tree.blockSignals(True)
        self.paths_tree.clear()
        if self.end_nodes is None or live is None:
            self.summary_label.setText(
                "Select two nodes (Ctrl-click the second) to see every path between them."
            )
        else:
            wiring = Connectivity.of_circuit(live, None if scores is None else scores.values)
            start, end = self.end_nodes
            self._path_edges = frozenset(wiring.nodes_and_edges_between(start, end)[1])
            paths = list(islice(wiring.iter_paths(start, end), MAX_LISTED_PATHS))
            count, share = wiring.count_paths(start, end), wiring.influence(start, end)
            self.summary_label.setText(_summary_text(start, end, count, share, len(paths)))
            self._total_text = f"{_format_count(count)} · {_format_percent(share)}"
        self._paths = paths
        for number, path in enumerate(paths):
            texts = [
                decimal_number(path.strength, 4),
                _format_percent(path.share),
                str(len(path.edges)),
                format_path(path),
            ]
            row = QTreeWidgetItem(texts)
            row.setData(0, PATH_INDEX_ROLE, number)
            for column in range(3):
                row.setTextAlignment(column, RIGHT_ALIGNED)
            self.paths_tree.addTopLevelItem(row)
        self.paths_tree.blockSignals(False)
        self.highlight_all_button.setEnabled(bool(paths))

    def _highlight_chosen(self) -> None:
        indices = sorted(row.data(0, PATH_INDEX_ROLE) for row in self.paths_tree.selectedItems())
        if indices:
            paths = [self._paths[number] for number in indices]
            share = sum(path.share for path in paths)
            text = decimal_number(paths[0].strength, 4) if len(paths) == 1 else f"{len(paths)} paths"
            edges = frozenset(edge for path in paths for edge in path.edges)
            self.workspace.highlight_path(paths[0], f"{text} · {_format_percent(share)}", edges)


def format_path(path: CircuitPath) -> str:
    """``a0.h1 → a3.h2 (q) → logits``: nodes, and the head input by which each edge enters."""
    parts = [path.nodes[0]]
    for node, edge in zip(path.nodes[1:], path.edges, strict=True):
        parts.append(f"{node} ({channel})" if (channel := channel_of(edge)) else node)
    return " → ".join(parts)


def _summary_text(start: str, end: str, count: int, share: float, listed: int) -> str:
    if not count:
        return f"No path leads from {start} to {end}."
    summary = (
        f"{start} → {end}: {_format_count(count)}, together {_format_percent(share)} of what reaches {end}"
    )
    return summary + (f"; the strongest {listed} are listed" if count > listed else "")


def _format_count(count: int) -> str:
    number = f"{count:,}" if count < 10**9 else f"{count:.1e}"
    return f"{number} path{'s' if count > 1 else ''}"


def _format_percent(share: float) -> str:
    return f"{rounded_number(100 * share, 2)} %"
