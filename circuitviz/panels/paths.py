"""Every path between two selected nodes, the strongest first: how one component reaches another."""

from __future__ import annotations

from itertools import islice

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from circuitviz.graph.graph import channel_of
from circuitviz.graph.wiring import Path, Wiring
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels

MOST = 200  # paths that are listed
NUMBER = Qt.ItemDataRole.UserRole
HEADINGS = ("strength", "share", "hops", "path")
TIPS = (
    "the weakest edge's |score|: the path is in the circuit as long as the threshold is no higher",
    "the product of each edge's share of |score| into its node: which part of what arrives comes this way",
    "edges on the path",
    "nodes from the first to the last, with the input that an edge enters by",
)


@panels.register(
    "paths", summary="paths between two nodes", title="Paths", area="bottom", order=6, height=260
)
class PathsPanel(Panel):
    """Lists the paths between the last two nodes that were selected together; a click highlights one."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.about = QLabel("", objectName="muted")
        self.about.setAccessibleName("Paths found")
        self.all = QPushButton("Highlight all", toolTip="select every edge on any of these paths")
        self.list = QTreeWidget(accessibleName="Paths, the strongest first", rootIsDecorated=False)
        self.list.setHeaderLabels(HEADINGS)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setUniformRowHeights(True)
        for column, tip in enumerate(TIPS):
            side = Qt.AlignmentFlag.AlignLeft if column == 3 else Qt.AlignmentFlag.AlignRight
            self.list.headerItem().setToolTip(column, tip)
            self.list.headerItem().setTextAlignment(column, side | Qt.AlignmentFlag.AlignVCenter)
        header = self.list.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 4)
        head.addWidget(self.about, 1)
        head.addWidget(self.all)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(head)
        whole.addWidget(self.list, 1)
        self.ends: tuple[str, str] | None = None
        self._edges: frozenset[str] = frozenset()
        self._paths: list[Path] = []
        self._together = ""
        self._stale = True
        self._list_when_seen = self.when_seen(self._fill)
        self.list.itemSelectionChanged.connect(self._chosen)
        self.all.clicked.connect(self.highlight)
        desk.selection_changed.connect(self._selected)
        desk.state_changed.connect(self._changed)
        self._fill()

    def highlight(self) -> None:
        """Select every edge that lies on a path between the two nodes."""
        self._fill()
        if self._edges:
            self.desk.trace(self._paths[0], self._together, self._edges)

    def _selected(self) -> None:
        if len(self.desk.nodes) == 2 and self.desk.state.circuit is not None:
            place = self.desk.state.circuit.graph.node_index
            if self.desk.nodes <= place.keys():
                start, end = sorted(self.desk.nodes, key=place.__getitem__)
                self.ends = start, end
                self._refill()

    def _changed(self) -> None:
        live, ends = self.desk.state.live, self.ends
        if ends is not None and (live is None or not set(ends) <= live.graph.node_index.keys()):
            self.ends = None
        self._refill()

    def _refill(self) -> None:
        self._stale = True
        self._list_when_seen()

    def _fill(self) -> None:
        """List the paths through what is not ablated."""
        if not self._stale:
            return
        self._stale = False
        live, scores = self.desk.state.live, self.desk.state.scores
        found: list[Path] = []
        self._edges = frozenset()
        self.list.blockSignals(True)
        self.list.clear()
        if self.ends is None or live is None:
            self.about.setText("Select two nodes (Ctrl-click the second) to see every path between them.")
        else:
            wiring = Wiring.of(live, None if scores is None else scores.values)
            start, end = self.ends
            self._edges = frozenset(wiring.between(start, end)[1])
            found = list(islice(wiring.paths(start, end), MOST))
            count, share = wiring.count(start, end), wiring.influence(start, end)
            self.about.setText(_summary(start, end, count, share, len(found)))
            self._together = f"{_number(count)} · {_percent(share)}"
        self._paths = found
        for number, path in enumerate(found):
            texts = [f"{path.strength:.4f}", _percent(path.share), str(len(path.edges)), written(path)]
            row = QTreeWidgetItem(texts)
            row.setData(0, NUMBER, number)
            for column in range(3):
                row.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.list.addTopLevelItem(row)
        self.list.blockSignals(False)
        self.all.setEnabled(bool(found))

    def _chosen(self) -> None:
        chosen = sorted(row.data(0, NUMBER) for row in self.list.selectedItems())
        if chosen:
            paths = [self._paths[number] for number in chosen]
            share = sum(path.share for path in paths)
            text = f"{paths[0].strength:.4f}" if len(paths) == 1 else f"{len(paths)} paths"
            edges = frozenset(edge for path in paths for edge in path.edges)
            self.desk.trace(paths[0], f"{text} · {_percent(share)}", edges)


def written(path: Path) -> str:
    """``a0.h1 → a3.h2 (q) → logits``: nodes, and by which input of a head each edge enters."""
    parts = [path.nodes[0]]
    for node, edge in zip(path.nodes[1:], path.edges, strict=True):
        parts.append(f"{node} ({channel})" if (channel := channel_of(edge)) else node)
    return " → ".join(parts)


def _summary(start: str, end: str, count: int, share: float, listed: int) -> str:
    if not count:
        return f"No path leads from {start} to {end}."
    said = f"{start} → {end}: {_number(count)}, together {_percent(share)} of what reaches {end}"
    return said + (f"; the strongest {listed} are listed" if count > listed else "")


def _number(count: int) -> str:
    number = f"{count:,}" if count < 10**9 else f"{count:.1e}"
    return f"{number} path{'s' if count > 1 else ''}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
