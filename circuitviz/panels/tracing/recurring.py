"""The features that recur: in how many examples each is part of the circuit, and what it gives on average."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QHeaderView, QTableView

from circuitviz.graph.traces import Recurring
from circuitviz.panels.saving import Plotted, save_plot
from circuitviz.panels.tracing.page import TracesPage
from circuitviz.pictures.drawing import Drawing
from circuitviz.pictures.plots import PlotFigure
from circuitviz.pictures.tables import table_drawing

HEADS = ("Feature", "Label", "Examples", "Mean attribution")
MOST = 500  # rows: what recurs less is no news
Index = QModelIndex | QPersistentModelIndex
Captions = Callable[[Sequence[str]], Sequence[str]]
"""From names of features to what they are called, or empty texts."""


class RecurringTable(QAbstractTableModel):
    """One row a feature or head."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[Recurring] = ()
        self.labels: Sequence[str] = ()
        self.total = 0

    def show_rows(self, rows: Sequence[Recurring], labels: Sequence[str], total: int) -> None:
        """Show other rows; total: how many examples there are."""
        self.beginResetModel()
        self.rows, self.labels, self.total = rows, labels, total
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """As many as recur."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Those of ``HEADS``."""
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Names of columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """Text to show, and what to sort by (``UserRole``)."""
        at, column = index.row(), index.column()
        one, label = self.rows[at], self.labels[at]
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.UserRole:
            return (one.name, label.lower() or "\uffff", one.examples, abs(one.mean))[column]
        if role == Qt.ItemDataRole.ToolTipRole and column == 1:
            return label or None
        if role == Qt.ItemDataRole.DisplayRole:
            return (one.name, label, f"{one.examples} of {self.total}", f"{one.mean:+.4f}")[column]
        return None


class RecurringPage(TracesPage):
    """A click chooses a feature everywhere, a double click brings its dashboard.

    ``feature_wanted(name, whether the dashboard is to come to the front)``.
    """

    title = "Recurring"
    feature_wanted = Signal(str, bool)

    def __init__(self, captions: Captions) -> None:
        super().__init__()
        self.captions = captions
        self.rows = RecurringTable()
        self.sorted = QSortFilterProxyModel()
        self.sorted.setSourceModel(self.rows)
        self.sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.table = QTableView(accessibleName="Features that recur", sortingEnabled=True)
        self.table.setModel(self.sorted)
        self.table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setShowGrid(False)
        self.table.setFrameShape(QTableView.Shape.NoFrame)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for section, width in ((0, 84), (2, 84), (3, 130)):
            header.resizeSection(section, width)
        self.whole.addWidget(self.table, 1)
        self.table.clicked.connect(lambda index: self._want(index, False))
        self.table.doubleClicked.connect(lambda index: self._want(index, True))

    def draw(self) -> None:
        """Rows of what recurs, as it is sorted now."""
        shown = self.shown
        rows = [] if shown is None else shown.traces.recurring(MOST)
        total = 0 if shown is None else len(shown.traces.traces)
        self.rows.show_rows(rows, self.captions([one.name for one in rows]), total)

    def picture(self) -> tuple[str, Plotted]:
        """The table."""
        return "traces-recurring", self

    def said(self) -> str:
        """What a row is."""
        return "How many circuits each is in. A double click opens its dashboard."

    def drawing(self, figure: PlotFigure) -> Drawing:
        """The table on paper, as it is sorted."""
        return table_drawing(self.cells(), figure)

    def cells(self) -> Sequence[Sequence[Any]]:
        """The table as it is sorted, its head first."""
        lines: list[list[Any]] = [["feature", "label", "examples", "of", "mean_attribution"]]
        for i in range(self.sorted.rowCount()):
            at = self.sorted.mapToSource(self.sorted.index(i, 0)).row()
            one = self.rows.rows[at]
            lines.append([one.name, self.rows.labels[at], one.examples, self.rows.total, one.mean])
        return lines

    def save(self, path: Path) -> None:
        """Write the picture or the table, as the suffix says."""
        save_plot(self, path)

    def _want(self, index: QModelIndex, front: bool) -> None:
        one = self.rows.rows[self.sorted.mapToSource(index).row()]
        self.feature_wanted.emit(one.name, front)
