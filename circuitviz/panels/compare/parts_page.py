"""Nodes and edges of two circuits: which of them has each, and its score in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QItemSelection, QItemSelectionModel, QSignalBlocker, QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QPushButton, QTableView, QWidget

from circuitviz.document import Document, State
from circuitviz.formats.reference_circuit import edges_in_scope
from circuitviz.graph import Circuit, overlap
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.panels.registry import is_part_in_view
from circuitviz.panels.widgets.fields import LEFT_ALIGNED, RIGHT_ALIGNED, choice_box
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.tables import AnyIndex, TitledTableModel, set_up_table
from circuitviz.scene.comparison_scene import side_of_edge, side_of_node
from circuitviz.workspace.plain_text import MarkupLabel
from circuitviz.workspace.workspace import Workspace

SIDE_LABELS = {"both": "both", "left": "only here", "right": "only there"}
SORT_ROLE = Qt.ItemDataRole.UserRole
TABLE_WIDTH_PX, MIN_TABLE_HEIGHT_PX = 370, 120  # of all columns; of a few rows
MAX_SELECTED_ROWS = 400  # rows that are marked at once: a whole circuit's edges would take seconds


@dataclass(frozen=True)
class ComparedPart:
    """A node or an edge; a score is None where a circuit lacks the part or has no scores."""

    name: str
    side: str
    score_here: float | None
    score_there: float | None


class PartsTableModel(TitledTableModel):
    """Table of nodes or edges. Scores are sorted by |score|."""

    TITLES = ("part", "found in", "score here", "score there")

    def __init__(self, parts: list[ComparedPart] | None = None) -> None:
        super().__init__()
        self.parts = parts or []
        self.row_of = {part.name: row for row, part in enumerate(self.parts)}

    @property
    def n_rows(self) -> int:
        """Number of parts."""
        return len(self.parts)

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """A cell's text, alignment or sort key."""
        part, column = self.parts[index.row()], index.column()
        value = (part.name, SIDE_LABELS[part.side], part.score_here, part.score_there)[column]
        if role == Qt.ItemDataRole.DisplayRole:
            return value if isinstance(value, str) else "" if value is None else signed_number(value, 4)
        if role == SORT_ROLE:
            return value if isinstance(value, str) else -1.0 if value is None else abs(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return RIGHT_ALIGNED
        return None


class PartsPage(ComparePage):
    """The numbers of ``circuitviz compare``, and a table whose selection is the canvas's."""

    title = "Parts"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.overlay_button = QPushButton("Show both on the canvas", checkable=True, objectName="primary")
        self.kind_box = choice_box("Nodes or edges", "Nodes", "Edges")
        self.summary_label = MarkupLabel("", wordWrap=True)
        self.summary_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table_model = PartsTableModel()
        self.sorted_model = QSortFilterProxyModel(self, sortRole=SORT_ROLE)
        self.sorted_model.setSourceModel(self.table_model)
        self.table = QTableView(accessibleName="Nodes or edges of both circuits", sortingEnabled=True)
        self.table.setModel(self.sorted_model)
        self._shown_key: object = None
        self._is_syncing_selection = False
        self._build()
        self.overlay_button.toggled.connect(workspace.comparison.set_overlaid)
        self.kind_box.currentIndexChanged.connect(lambda _i: self.refresh())
        self.table.selectionModel().selectionChanged.connect(self._on_rows_selected)
        workspace.selection_changed.connect(self.sync_selection)

    def refresh_now(self) -> None:
        """Show summary and rows for the open circuit and the chosen one."""
        comparison, state = self.workspace.comparison, self.workspace.document.state
        other = comparison.chosen_document
        self.overlay_button.setEnabled(other is not None)
        with QSignalBlocker(self.overlay_button):
            self.overlay_button.setChecked(comparison.is_overlaid)
        is_overlaid = comparison.is_overlaid
        self.overlay_button.setText("Show this circuit alone" if is_overlaid else "Show both on the canvas")
        ours, theirs = state.live_circuit, other.state.live_circuit if other is not None else None
        other_hash = other.state.hash if other is not None else ""
        key = (state.hash, comparison.chosen_name, id(other), other_hash, self.kind_box.currentIndex())
        if key == self._shown_key:
            self.sync_selection()
            return
        self._shown_key = key
        if other is None or ours is None or theirs is None or not ours.graph.same_as(theirs.graph):
            self.summary_label.setText(
                "Choose a circuit to compare with: another tab's, one you added, a file, or a reference."
            )
            self._set_parts([])
            return
        self.summary_label.setText(overlap_summary_html(state, other))
        edges = self.kind_box.currentIndex() == 1
        self._set_parts((compared_edges if edges else compared_nodes)(state, other.state, ours, theirs))

    def sync_selection(self) -> None:
        """Select the rows of the nodes and edges that are selected on the canvas."""
        if self._is_syncing_selection or not is_part_in_view(self):
            return
        self._is_syncing_selection = True
        names = (
            self.workspace.selected_edges if self.kind_box.currentIndex() else self.workspace.selected_nodes
        )
        rows = [self.table_model.row_of[n] for n in sorted(names) if n in self.table_model.row_of][
            :MAX_SELECTED_ROWS
        ]
        selection = QItemSelection()
        for row in rows:
            index = self.sorted_model.mapFromSource(self.table_model.index(row, 0))
            selection.select(index, index.siblingAtColumn(len(PartsTableModel.TITLES) - 1))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.table.selectionModel().select(selection, flags)
        if rows:
            first = self.sorted_model.mapFromSource(self.table_model.index(rows[0], 0))
            self.table.scrollTo(first, QAbstractItemView.ScrollHint.PositionAtCenter)
        self._is_syncing_selection = False

    def _on_rows_selected(self) -> None:
        if self._is_syncing_selection:
            return
        self._is_syncing_selection = True
        rows = {self.sorted_model.mapToSource(i).row() for i in self.table.selectionModel().selectedIndexes()}
        names = frozenset(self.table_model.parts[row].name for row in rows)
        nothing: frozenset[str] = frozenset()
        edges = self.kind_box.currentIndex() == 1
        self.workspace.set_selection(nothing if edges else names, names if edges else nothing)
        self._is_syncing_selection = False

    def _set_parts(self, parts: list[ComparedPart]) -> None:
        self._is_syncing_selection = True
        self.table_model = PartsTableModel(parts)
        self.sorted_model.setSourceModel(self.table_model)
        self._is_syncing_selection = False
        self.sync_selection()

    def _build(self) -> None:
        set_up_table(self.table, row_height_px=24, has_frame=False)
        self.table.setWordWrap(False)  # a name would break at its arrow
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(False)
        header.setResizeContentsPrecision(50)  # an edge table has thousands of rows
        header.setHighlightSections(False)
        header.setDefaultAlignment(LEFT_ALIGNED)
        self.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        self.table.setMinimumHeight(MIN_TABLE_HEIGHT_PX)
        summary, parts = QWidget(), QWidget()
        lay_out_column(lay_out_row(self.overlay_button, 1), self.summary_label, 1, parent=summary, spacing=8)
        lay_out_column(lay_out_row(self.kind_box, 1), (self.table, 1), parent=parts, spacing=4)
        page = FoldingRow(
            summary, parts, first_px=250, second_px=TABLE_WIDTH_PX, stretches=(0, 1), spacing=14,
            margins=(0, 6, 0, 0),
        )  # fmt: skip
        lay_out_column(page, parent=self)


def compared_nodes(
    left: State, right: State, left_circuit: Circuit, right_circuit: Circuit
) -> list[ComparedPart]:
    """Every node of either circuit, with the sum of the scores of its outgoing edges."""
    names = dict.fromkeys([*left_circuit.node_names, *right_circuit.node_names])
    index, sums = (
        left_circuit.graph.sender_index,
        (_outgoing_score_sums(left, left_circuit), _outgoing_score_sums(right, right_circuit)),
    )
    names_of = [set(left_circuit.node_names), set(right_circuit.node_names)]

    def score(name: str, side: int) -> float | None:
        score_sums = sums[side]
        if score_sums is None or name not in names_of[side] or name not in index:
            return None
        return float(score_sums[index[name]])

    return [
        ComparedPart(n, side_of_node(n, left_circuit, right_circuit), score(n, 0), score(n, 1)) for n in names
    ]


def compared_edges(
    left: State, right: State, left_circuit: Circuit, right_circuit: Circuit
) -> list[ComparedPart]:
    """Every edge of either circuit with its scores."""
    parts = []
    for s, r in np.argwhere(left_circuit.edges | right_circuit.edges):
        edge = (int(s), int(r))
        score_here, score_there = (
            state.scores.score_of(edge) if state.scores is not None and circuit.edges[edge] else None
            for state, circuit in ((left, left_circuit), (right, right_circuit))
        )
        parts.append(
            ComparedPart(
                left_circuit.graph.edge_name(*edge),
                side_of_edge(edge, left_circuit.edges, right_circuit.edges),
                score_here,
                score_there,
            )
        )
    return parts


def overlap_summary_html(state: State, other: Document) -> str:
    """The summary of ``circuitviz compare`` as rich text."""
    assert state.live_circuit is not None and other.state.live_circuit is not None
    data = overlap(state.live_circuit, other.state.live_circuit, state.scores, edges_in_scope(other))
    heads = "".join(_right_aligned_cell(head) for head in ("shared", "only this", "only other", "IoU"))
    rows = [f"<tr><td></td>{heads}</tr>"]
    for what in ("edges", "nodes"):
        row = data[what]
        cells = [f"{row['shared']:,}", f"{row['left']:,}", f"{row['right']:,}", _format_number(row["iou"])]
        rows.append(f"<tr><td>{what}</td>" + "".join(_right_aligned_cell(cell) for cell in cells) + "</tr>")
    edges = data["edges"]
    text = f"<table cellspacing=2>{''.join(rows)}</table>"
    text += f"edges: precision {_format_number(edges['precision'])}, recall {_format_number(edges['recall'])}"
    if data["auroc"] is not None:
        text += f"<br>scores against the other's edges: AUROC {_format_number(data['auroc'])}, "
        text += f"average precision {_format_number(data['average_precision'])}"
    if edges_in_scope(other) is not None:
        text += "<br>MLPs are left out: the reference does not cover them."
    return text


def _outgoing_score_sums(state: State, circuit: Circuit) -> Any:
    return None if state.scores is None else np.where(circuit.edges, state.scores.values, 0.0).sum(1)


def _right_aligned_cell(text: str) -> str:
    return f"<td align=right>&nbsp;&nbsp;{text}</td>"


def _format_number(value: float | None) -> str:
    return "–" if value is None else decimal_number(value, 3)
