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

from circuitviz.panels.widgets.font_scaling import scale_pixels

if TYPE_CHECKING:
    from circuitviz.features.dashboards import FeatureRow
    from circuitviz.features.explanations import Explanation

COLUMN_TITLES = ("Feature", "Label", "Density", "Max")
AnyIndex = QModelIndex | QPersistentModelIndex


class FeatureTableModel(QAbstractTableModel):
    """One row a feature; without an index of a text, density and greatest activation stay empty."""

    def __init__(self) -> None:
        super().__init__()
        self.site = ""
        self.n_features = 0
        self.statistics: Sequence[FeatureRow] = ()
        self.captions: Mapping[int, Explanation] = {}

    def show_site(
        self,
        site: str,
        n_features: int,
        statistics: Sequence[FeatureRow],
        captions: Mapping[int, Explanation],
    ) -> None:
        """Show another site's features."""
        self.beginResetModel()
        self.site, self.n_features, self.statistics, self.captions = site, n_features, statistics, captions
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """As many as features."""
        return 0 if parent.isValid() else self.n_features

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Those of ``COLUMN_TITLES``."""
        return len(COLUMN_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Names of columns."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMN_TITLES[section]
        return None

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """Text to show."""
        at, column = index.row(), index.column()
        row = self.statistics[at] if self.statistics else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and column == 1:
            return self.caption_of(at) or None
        if role == Qt.ItemDataRole.DisplayRole:
            if column < 2:
                return (f"f{at}", self.caption_of(at))[column]
            if row is not None and row.greatest > 0:
                rare = row.density < 0.001
                return f"{row.density:.{2 if rare else 1}%}" if column == 2 else f"{row.greatest:.1f}"
            return "" if row is None else ("never", "")[column - 2]
        return None

    def sort_keys(self, column: int) -> NDArray[np.float64]:
        """What features [number] are sorted by: a column's numbers, or the ranks of its texts."""
        if column == 1:
            texts = {at: one.text.lower() for at, one in self.captions.items() if at < self.n_features}
            ranks = {text: float(rank) for rank, text in enumerate(sorted(set(texts.values())))}
            found = np.full(self.n_features, float(len(ranks)))  # those without a label come last
            found[list(texts)] = [ranks[text] for text in texts.values()]
            return found
        if column > 1 and self.statistics:
            name = ("density", "greatest")[column - 2]
            return np.array([getattr(row, name) for row in self.statistics], dtype=float)
        return np.arange(self.n_features, dtype=float)

    def matches_words(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Whether features [number] hold every word: in their label, or as their number."""
        found = np.ones(self.n_features, dtype=bool)
        labels = {at: one.text.casefold() for at, one in self.captions.items() if at < self.n_features}
        for word in words:
            here = np.zeros(self.n_features, dtype=bool)
            here[[at for at, label in labels.items() if word in label]] = True
            number = word.removeprefix("f")
            if number.isdecimal() and str(int(number)) == number and int(number) < self.n_features:
                here[int(number)] = True
            found &= here
        return found

    def caption_of(self, feature: int) -> str:
        """What a feature is called, or an empty text."""
        found = self.captions.get(feature)
        return "" if found is None else found.text


class FeatureListProxy(QAbstractProxyModel):
    """Rows whose number or label holds every word, sorted.

    Qt's own proxy asks for two cells at each comparison; a dictionary of 24,576 features, asked in
    Python, keeps the window for seconds. Here a column is sorted at once.
    """

    def __init__(self, features_model: FeatureTableModel) -> None:
        super().__init__()
        self.features_model = features_model
        self.search_words: list[str] = []
        self._sort_by: tuple[int, Qt.SortOrder] = (0, Qt.SortOrder.AscendingOrder)
        self._feature_of_row: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the feature of each row
        self._row_of_feature: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the row of each feature, or -1
        self.setSourceModel(features_model)
        features_model.modelAboutToBeReset.connect(self.beginResetModel)
        features_model.modelReset.connect(self._on_model_reset)

    def set_search_text(self, text: str) -> None:
        """Show what holds these words."""
        self.search_words = text.casefold().split()
        self._update_rows()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what is equal stays in the order of numbers."""
        self._sort_by = (column, order)
        self._update_rows()

    def mapToSource(self, index: AnyIndex) -> QModelIndex:
        """The feature of a row."""
        if not index.isValid():
            return QModelIndex()
        return self.features_model.index(int(self._feature_of_row[index.row()]), index.column())

    def mapFromSource(self, index: AnyIndex) -> QModelIndex:
        """The row of a feature; nowhere where it is not shown."""
        row = int(self._row_of_feature[index.row()]) if index.isValid() else -1
        return self.index(row, index.column()) if row >= 0 else QModelIndex()

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        """A cell."""
        there = (
            not parent.isValid() and 0 <= row < len(self._feature_of_row) and 0 <= column < len(COLUMN_TITLES)
        )
        return self.createIndex(row, column) if there else QModelIndex()

    def parent(self, index: AnyIndex = QModelIndex()) -> QModelIndex | QObject:  # type: ignore[override] # noqa: B008
        """Of a cell: none, this is no tree."""
        return QModelIndex()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """As many as are shown."""
        return 0 if parent.isValid() else len(self._feature_of_row)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Those of the table."""
        return 0 if parent.isValid() else len(COLUMN_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Names of columns, also where no row is shown."""
        return self.features_model.headerData(section, orientation, role)

    def _on_model_reset(self) -> None:
        self._compute_rows()
        self.endResetModel()

    def _update_rows(self) -> None:
        """Arrange anew; what is selected and still there stays selected."""
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        before = [self.mapToSource(index) for index in kept]
        self._compute_rows()
        self.changePersistentIndexList(kept, [self.mapFromSource(index) for index in before])
        self.layoutChanged.emit()

    def _compute_rows(self) -> None:
        column, order = self._sort_by
        keys = self.features_model.sort_keys(column)
        ranked = np.argsort(keys if order is Qt.SortOrder.AscendingOrder else -keys, kind="stable")
        self._feature_of_row = ranked[self.features_model.matches_words(self.search_words)[ranked]]
        self._row_of_feature = np.full(self.features_model.n_features, -1, dtype=np.intp)
        self._row_of_feature[self._feature_of_row] = np.arange(len(self._feature_of_row))


def make_feature_list_view(list_proxy: FeatureListProxy) -> QTableView:
    """The view of the list, as wide as there is room for."""
    table = QTableView(accessibleName="Features", sortingEnabled=True)
    table.setModel(list_proxy)
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(scale_pixels(table, 24))
    table.setShowGrid(False)
    table.setFrameShape(QTableView.Shape.NoFrame)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    table.setMinimumWidth(160)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(30)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    for section, width in ((0, 80), (2, 70), (3, 54)):  # the first has room for the mark of sorting
        header.resizeSection(section, scale_pixels(table, width))
    return table
