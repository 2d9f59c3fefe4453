"""Thousands of features in a table that is sorted and searched as one types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QHeaderView, QTableView

if TYPE_CHECKING:
    from circuitviz.features.dashboards import FeatureRow
    from circuitviz.features.explanations import Explanation

HEADS = ("Feature", "Label", "Density", "Max")
Index = QModelIndex | QPersistentModelIndex


class FeatureTable(QAbstractTableModel):
    """One row a feature; without an index of a text, density and greatest activation stay empty."""

    def __init__(self) -> None:
        super().__init__()
        self.site = ""
        self.number = 0
        self.rows: Sequence[FeatureRow] = ()
        self.captions: Mapping[int, Explanation] = {}

    def show_site(
        self, site: str, number: int, rows: Sequence[FeatureRow], captions: Mapping[int, Explanation]
    ) -> None:
        """Show another site's features."""
        self.beginResetModel()
        self.site, self.number, self.rows, self.captions = site, number, rows, captions
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """As many as features."""
        return 0 if parent.isValid() else self.number

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's signature
        """Those of ``HEADS``."""
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802
        """Names of columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """Text to show, and what to sort by (``UserRole``)."""
        at, column = index.row(), index.column()
        row = self.rows[at] if self.rows else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.UserRole:
            values = (at, self.caption(at).lower() or "\uffff", row and row.density, row and row.greatest)
            return values[column]
        if role == Qt.ItemDataRole.ToolTipRole and column == 1:
            return self.caption(at) or None
        if role == Qt.ItemDataRole.DisplayRole:
            if column < 2:
                return (f"f{at}", self.caption(at))[column]
            if row is not None and row.greatest > 0:
                rare = row.density < 0.001
                return f"{row.density:.{2 if rare else 1}%}" if column == 2 else f"{row.greatest:.1f}"
            return "" if row is None else ("never", "")[column - 2]
        return None

    def caption(self, number: int) -> str:
        """What a feature is called, or an empty text."""
        found = self.captions.get(number)
        return "" if found is None else found.text


class FeatureFilter(QSortFilterProxyModel):
    """Rows whose number or label holds every word."""

    def __init__(self, table: FeatureTable) -> None:
        super().__init__()
        self.table = table
        self.words: list[str] = []
        self.setSourceModel(table)
        self.setSortRole(Qt.ItemDataRole.UserRole)

    def search(self, text: str) -> None:
        """Show what holds these words."""
        self.words = text.casefold().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802 - Qt's name
        """Whether a row is shown."""
        told = self.table.caption(row).casefold()
        return all(word in told or word in (f"f{row}", str(row)) for word in self.words)


def feature_list(shown: FeatureFilter) -> QTableView:
    """The view of the list, as wide as there is room for."""
    table = QTableView(accessibleName="Features", sortingEnabled=True)
    table.setModel(shown)
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    table.setShowGrid(False)
    table.setFrameShape(QTableView.Shape.NoFrame)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    table.setMinimumWidth(160)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(30)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    for section, width in ((0, 66), (2, 66), (3, 54)):
        header.resizeSection(section, width)
    return table
