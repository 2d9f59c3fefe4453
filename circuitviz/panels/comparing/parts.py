"""Two circuits part by part: what both have, what only one has, and how strong it is in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QVBoxLayout,
)

from circuitviz.canvas.both import side_of, side_of_edge
from circuitviz.formats.reference import judged
from circuitviz.graph import Circuit, overlap
from circuitviz.panels.comparing.page import Page
from circuitviz.panels.desk import Desk
from circuitviz.panels.plain import MarkupLabel
from circuitviz.panels.registry import in_sight
from circuitviz.panels.room import keep_wide
from circuitviz.session import Document, State

Index = QModelIndex | QPersistentModelIndex
SIDES = {"both": "both", "left": "only here", "right": "only there"}
SORTED = Qt.ItemDataRole.UserRole
MOST_SELECTED = 400  # rows that are marked at once: a whole circuit's edges would take seconds


@dataclass(frozen=True)
class Part:
    """A node or an edge; scores are None where a circuit lacks it, or has no scores."""

    name: str
    side: str
    here: float | None
    there: float | None


class Parts(QAbstractTableModel):
    """Rows of parts. Sorting by a score is sorting by its size."""

    HEADS = ("part", "found in", "score here", "score there")

    def __init__(self, parts: list[Part] | None = None) -> None:
        super().__init__()
        self.parts = parts or []
        self.row_of = {part.name: row for row, part in enumerate(self.parts)}

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many parts."""
        return 0 if parent.isValid() else len(self.parts)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """How many columns."""
        return 0 if parent.isValid() else len(self.HEADS)

    def headerData(self, section: int, way: Qt.Orientation, role: int = 0) -> Any:
        """Names of columns."""
        if way is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.HEADS[section]
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """A cell's text, alignment, or what it is sorted by."""
        part, column = self.parts[index.row()], index.column()
        value = (part.name, SIDES[part.side], part.here, part.there)[column]
        if role == Qt.ItemDataRole.DisplayRole:
            return value if isinstance(value, str) else "" if value is None else f"{value:+.4f}"
        if role == SORTED:
            return value if isinstance(value, str) else -1.0 if value is None else abs(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class PartsPage(Page):
    """The numbers of ``circuitviz compare``, and a table whose selection is the canvas's."""

    title = "Parts"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.overlaid = QPushButton("Show both on the canvas", checkable=True, objectName="primary")
        self.what = QComboBox(accessibleName="Nodes or edges")
        self.what.addItems(["Nodes", "Edges"])
        self.numbers = MarkupLabel("", wordWrap=True)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.model = Parts()
        self.sorted = QSortFilterProxyModel(self, sortRole=SORTED)
        self.sorted.setSourceModel(self.model)
        self.table = QTableView(accessibleName="Parts of both circuits", sortingEnabled=True)
        self.table.setModel(self.sorted)
        self._shown: object = None
        self._mirroring = False
        self._build()
        self.overlaid.toggled.connect(desk.beside.show_both)
        self.what.currentIndexChanged.connect(lambda _i: self.refresh())
        self.table.selectionModel().selectionChanged.connect(self._picked)
        desk.selection_changed.connect(self.mirror)

    def show_now(self) -> None:
        """Numbers and rows of the open circuit and the chosen one."""
        beside, state = self.desk.beside, self.desk.document.state
        other = beside.chosen
        self.overlaid.setEnabled(other is not None)
        self.overlaid.blockSignals(True)
        self.overlaid.setChecked(beside.overlaid)
        self.overlaid.setText("Show this circuit alone" if beside.overlaid else "Show both on the canvas")
        self.overlaid.blockSignals(False)
        ours, theirs = state.live, other.state.live if other is not None else None
        key = (state.hash, beside.name, id(other), self.what.currentIndex())
        if key == self._shown:
            self.mirror()
            return
        self._shown = key
        if other is None or ours is None or theirs is None or not ours.graph.same_as(theirs.graph):
            self.numbers.setText("Choose a circuit above: one that was kept, a file, or a reference.")
            self._show([])
            return
        self.numbers.setText(told(state, other))
        edges = self.what.currentIndex() == 1
        self._show((edges_of if edges else nodes_of)(state, other.state, ours, theirs))

    def mirror(self) -> None:
        """Mark the rows of what is selected on the canvas."""
        if self._mirroring or not in_sight(self):
            return
        self._mirroring = True
        names = self.desk.edges if self.what.currentIndex() else self.desk.nodes
        rows = [self.model.row_of[n] for n in sorted(names) if n in self.model.row_of][:MOST_SELECTED]
        chosen = QItemSelection()
        for row in rows:
            at = self.sorted.mapFromSource(self.model.index(row, 0))
            chosen.select(at, at.siblingAtColumn(len(Parts.HEADS) - 1))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.table.selectionModel().select(chosen, flags)
        if rows:
            first = self.sorted.mapFromSource(self.model.index(rows[0], 0))
            self.table.scrollTo(first, QAbstractItemView.ScrollHint.PositionAtCenter)
        self._mirroring = False

    def _picked(self) -> None:
        if self._mirroring:
            return
        self._mirroring = True
        rows = {self.sorted.mapToSource(i).row() for i in self.table.selectionModel().selectedIndexes()}
        names = frozenset(self.model.parts[row].name for row in rows)
        nothing: frozenset[str] = frozenset()
        edges = self.what.currentIndex() == 1
        self.desk.select(nothing if edges else names, names if edges else nothing)
        self._mirroring = False

    def _show(self, parts: list[Part]) -> None:
        self._mirroring = True
        self.model = Parts(parts)
        self.sorted.setSourceModel(self.model)
        self._mirroring = False
        if parts:
            self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.mirror()

    def _build(self) -> None:
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)  # a name would break at its arrow
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setFrameShape(QTableView.Shape.NoFrame)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(False)
        header.setResizeContentsPrecision(50)  # an edge table has thousands of rows
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        left = QVBoxLayout(spacing=8)
        row = QHBoxLayout(spacing=8)
        row.addWidget(self.overlaid)
        row.addWidget(self.what)
        row.addStretch(1)
        left.addLayout(row)
        left.addWidget(self.numbers)
        left.addStretch(1)
        whole = QHBoxLayout(self, spacing=14)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.addLayout(left)
        whole.addWidget(self.table, 1)
        keep_wide(self.numbers, 250)


def nodes_of(left: State, right: State, ours: Circuit, theirs: Circuit) -> list[Part]:
    """Every node of either circuit, with the sum of the scores of its edges out."""
    names = dict.fromkeys([*ours.node_names, *theirs.node_names])
    index, sums = ours.graph.sender_index, (_sums(left, ours), _sums(right, theirs))
    there = [set(ours.node_names), set(theirs.node_names)]

    def score(name: str, which: int) -> float | None:
        known = sums[which]
        if known is None or name not in there[which] or name not in index:
            return None
        return float(known[index[name]])

    return [Part(n, side_of(n, ours, theirs), score(n, 0), score(n, 1)) for n in names]


def edges_of(left: State, right: State, ours: Circuit, theirs: Circuit) -> list[Part]:
    """Every edge of either circuit with its scores."""
    parts = []
    for s, r in np.argwhere(ours.edges | theirs.edges):
        at = (int(s), int(r))
        here, there = (
            float(state.scores.values[at]) if state.scores is not None and circuit.edges[at] else None
            for state, circuit in ((left, ours), (right, theirs))
        )
        parts.append(Part(ours.graph.edge_name(*at), side_of_edge(at, ours.edges, theirs.edges), here, there))
    return parts


def told(state: State, other: Document) -> str:
    """What ``circuitviz compare`` says of the two, in rich text."""
    assert state.live is not None and other.state.live is not None
    data = overlap(state.live, other.state.live, state.scores, judged(other))
    heads = "".join(_right(head) for head in ("shared", "only this", "only other", "IoU"))
    rows = [f"<tr><td></td>{heads}</tr>"]
    for what in ("edges", "nodes"):
        row = data[what]
        cells = [f"{row['shared']:,}", f"{row['left']:,}", f"{row['right']:,}", _number(row["iou"])]
        rows.append(f"<tr><td>{what}</td>" + "".join(_right(cell) for cell in cells) + "</tr>")
    edges = data["edges"]
    text = f"<table cellspacing=2>{''.join(rows)}</table>"
    text += f"edges: precision {_number(edges['precision'])}, recall {_number(edges['recall'])}"
    if data["auroc"] is not None:
        text += f"<br>scores against the other's edges: AUROC {_number(data['auroc'])}, "
        text += f"average precision {_number(data['average_precision'])}"
    if judged(other) is not None:
        text += "<br>MLPs are left out: the reference says nothing of them."
    return text


def _sums(state: State, circuit: Circuit) -> Any:
    return None if state.scores is None else np.where(circuit.edges, state.scores.values, 0.0).sum(1)


def _right(text: str) -> str:
    return f"<td align=right>&nbsp;&nbsp;{text}</td>"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
