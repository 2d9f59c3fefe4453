"""Thousands of features in a table that is sorted and searched as one types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractProxyModel,
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtWidgets import QHeaderView, QTableView

from circuitviz.panels.room import room

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

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """As many as features."""
        return 0 if parent.isValid() else self.number

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Those of ``HEADS``."""
        return len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Names of columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        return None

    def data(self, index: Index, role: int = 0) -> Any:
        """Text to show."""
        at, column = index.row(), index.column()
        row = self.rows[at] if self.rows else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
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

    def keys(self, column: int) -> NDArray[np.float64]:
        """What features [number] are sorted by: a column's numbers, or the ranks of its texts."""
        if column == 1:
            texts = {at: one.text.lower() for at, one in self.captions.items() if at < self.number}
            ranks = {text: float(rank) for rank, text in enumerate(sorted(set(texts.values())))}
            found = np.full(self.number, float(len(ranks)))  # those without a label come last
            found[list(texts)] = [ranks[text] for text in texts.values()]
            return found
        if column > 1 and self.rows:
            name = ("density", "greatest")[column - 2]
            return np.array([getattr(row, name) for row in self.rows], dtype=float)
        return np.arange(self.number, dtype=float)

    def holding(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Whether features [number] hold every word: in their label, or as their number."""
        found = np.ones(self.number, dtype=bool)
        labels = {at: one.text.casefold() for at, one in self.captions.items() if at < self.number}
        for word in words:
            here = np.zeros(self.number, dtype=bool)
            here[[at for at, label in labels.items() if word in label]] = True
            number = word.removeprefix("f")
            if number.isdecimal() and str(int(number)) == number and int(number) < self.number:
                here[int(number)] = True
            found &= here
        return found

    def caption(self, number: int) -> str:
        """What a feature is called, or an empty text."""
        found = self.captions.get(number)
        return "" if found is None else found.text


class FeatureFilter(QAbstractProxyModel):
    """Rows whose number or label holds every word, sorted.

    Qt's own proxy asks for two cells at each comparison; a dictionary of 24,576 features, asked in
    Python, keeps the window for seconds. Here a column is sorted at once.
    """

    def __init__(self, table: FeatureTable) -> None:
        super().__init__()
        self.table = table
        self.words: list[str] = []
        self._by: tuple[int, Qt.SortOrder] = (0, Qt.SortOrder.AscendingOrder)
        self._shown: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the feature of each row
        self._place: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the row of each feature, or -1
        self.setSourceModel(table)
        table.modelAboutToBeReset.connect(self.beginResetModel)
        table.modelReset.connect(self._reset)

    def search(self, text: str) -> None:
        """Show what holds these words."""
        self.words = text.casefold().split()
        self._rearrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what is equal stays in the order of numbers."""
        self._by = (column, order)
        self._rearrange()

    def mapToSource(self, index: Index) -> QModelIndex:
        """The feature of a row."""
        if not index.isValid():
            return QModelIndex()
        return self.table.index(int(self._shown[index.row()]), index.column())

    def mapFromSource(self, index: Index) -> QModelIndex:
        """The row of a feature; nowhere where it is not shown."""
        row = int(self._place[index.row()]) if index.isValid() else -1
        return self.index(row, index.column()) if row >= 0 else QModelIndex()

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        """A cell."""
        there = not parent.isValid() and 0 <= row < len(self._shown) and 0 <= column < len(HEADS)
        return self.createIndex(row, column) if there else QModelIndex()

    def parent(self, index: Index = QModelIndex()) -> QModelIndex | QObject:  # type: ignore[override] # noqa: B008
        """Of a cell: none, this is no tree."""
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """As many as are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Those of the table."""
        return 0 if parent.isValid() else len(HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Names of columns, also where no row is shown."""
        return self.table.headerData(section, orientation, role)

    def _reset(self) -> None:
        self._arrange()
        self.endResetModel()

    def _rearrange(self) -> None:
        """Arrange anew; what is selected and still there stays selected."""
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        before = [self.mapToSource(index) for index in kept]
        self._arrange()
        self.changePersistentIndexList(kept, [self.mapFromSource(index) for index in before])
        self.layoutChanged.emit()

    def _arrange(self) -> None:
        column, order = self._by
        keys = self.table.keys(column)
        ranked = np.argsort(keys if order is Qt.SortOrder.AscendingOrder else -keys, kind="stable")
        self._shown = ranked[self.table.holding(self.words)[ranked]]
        self._place = np.full(self.table.number, -1, dtype=np.intp)
        self._place[self._shown] = np.arange(len(self._shown))


def feature_list(shown: FeatureFilter) -> QTableView:
    """The view of the list, as wide as there is room for."""
    table = QTableView(accessibleName="Features", sortingEnabled=True)
    table.setModel(shown)
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(room(table, 24))
    table.setShowGrid(False)
    table.setFrameShape(QTableView.Shape.NoFrame)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    table.setMinimumWidth(160)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(30)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    for section, width in ((0, 80), (2, 70), (3, 54)):  # the first has room for the mark of sorting
        header.resizeSection(section, room(table, width))
    return table
