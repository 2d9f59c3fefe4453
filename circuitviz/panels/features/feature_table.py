"""Qt models of the feature list: tens of thousands of rows, sorted and searched while typing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractProxyModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QHeaderView, QTableView

from circuitviz.number_text import decimal_number
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.tables import AnyIndex, TitledTableModel, set_up_table

if TYPE_CHECKING:
    from circuitviz.features.dashboards import FeatureRow
    from circuitviz.features.explanations import Explanation

COLUMN_TITLES = ("Feature", "Label", "Density", "Max")


class FeatureTableModel(TitledTableModel):
    """One row per feature of a site; density and maximum are empty until a text is indexed."""

    TITLES = COLUMN_TITLES

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
        """Show the features of another site."""
        self.beginResetModel()
        self.site, self.n_features, self.statistics, self.captions = site, n_features, statistics, captions
        self.endResetModel()

    @property
    def n_rows(self) -> int:
        """Number of features."""
        return self.n_features

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """Text, alignment and tooltip of a cell."""
        feature, column = index.row(), index.column()
        row = self.statistics[feature] if self.statistics else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return RIGHT_ALIGNED
        if role == Qt.ItemDataRole.ToolTipRole and column == 1:
            return self.caption_of(feature) or None
        if role == Qt.ItemDataRole.DisplayRole:
            if column < 2:
                return (f"f{feature}", self.caption_of(feature))[column]
            if row is not None and row.greatest > 0:
                is_rare = row.density < 0.001
                return (
                    f"{row.density:.{2 if is_rare else 1}%}"
                    if column == 2
                    else decimal_number(row.greatest, 1)
                )
            return "" if row is None else ("never", "")[column - 2]
        return None

    def sort_keys(self, column: int) -> NDArray[np.float64]:
        """Sort keys [n_features] of a column: its numbers, or the ranks of its texts."""
        if column == 1:
            texts = {
                feature: explanation.text.lower()
                for feature, explanation in self.captions.items()
                if feature < self.n_features
            }
            ranks = {text: float(rank) for rank, text in enumerate(sorted(set(texts.values())))}
            keys = np.full(self.n_features, float(len(ranks)))  # those without a label come last
            keys[list(texts)] = [ranks[text] for text in texts.values()]
            return keys
        if column > 1 and self.statistics:
            name = ("density", "greatest")[column - 2]
            return np.array([getattr(row, name) for row in self.statistics], dtype=float)
        return np.arange(self.n_features, dtype=float)

    def matches_words(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Mask [n_features] of the features whose label or number contains every word."""
        matches = np.ones(self.n_features, dtype=bool)
        labels = {
            feature: explanation.text.casefold()
            for feature, explanation in self.captions.items()
            if feature < self.n_features
        }
        for word in words:
            matches_word = np.zeros(self.n_features, dtype=bool)
            matches_word[[feature for feature, label in labels.items() if word in label]] = True
            number = word.removeprefix("f")
            if number.isdecimal() and str(int(number)) == number and int(number) < self.n_features:
                matches_word[int(number)] = True
            matches &= matches_word
        return matches

    def caption_of(self, feature: int) -> str:
        """Label of a feature, or an empty string."""
        explanation = self.captions.get(feature)
        return "" if explanation is None else explanation.text


class FeatureListProxy(QAbstractProxyModel):
    """Sorts and filters the feature list with numpy.

    QSortFilterProxyModel calls Python for every comparison of two cells: with 24,576 features the window
    blocks for seconds. Here a column is sorted in one call.
    """

    def __init__(self, features_model: FeatureTableModel) -> None:
        super().__init__()
        self.features_model = features_model
        self.search_words: list[str] = []
        self.found_features: list[int] = []
        self._sort_by: tuple[int, Qt.SortOrder] = (0, Qt.SortOrder.AscendingOrder)
        self._feature_of_row: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the feature of each row
        self._row_of_feature: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # the row of each feature, or -1
        self.setSourceModel(features_model)
        features_model.modelAboutToBeReset.connect(self.beginResetModel)
        features_model.modelReset.connect(self._on_model_reset)

    def set_search_text(self, text: str, found: Collection[int] = ()) -> None:
        """Show the features that match every word of a text, and others that a search has found.

        Args:
            text: The text.
            found: Numbers of further features.
        """
        self.search_words, self.found_features = text.casefold().split(), list(found)
        self._update_rows()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; equal rows keep the order of feature numbers."""
        self._sort_by = (column, order)
        self._update_rows()

    def mapToSource(self, index: AnyIndex) -> QModelIndex:
        """Source index of a row."""
        if not index.isValid():
            return QModelIndex()
        return self.features_model.index(int(self._feature_of_row[index.row()]), index.column())

    def mapFromSource(self, index: AnyIndex) -> QModelIndex:
        """Row of a source index; invalid where the feature is filtered out."""
        row = int(self._row_of_feature[index.row()]) if index.isValid() else -1
        return self.index(row, index.column()) if row >= 0 else QModelIndex()

    def index(self, row: int, column: int, parent: AnyIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Index of a cell."""
        is_inside = (
            not parent.isValid() and 0 <= row < len(self._feature_of_row) and 0 <= column < len(COLUMN_TITLES)
        )
        return self.createIndex(row, column) if is_inside else QModelIndex()

    def parent(self, index: AnyIndex = QModelIndex()) -> QModelIndex | QObject:  # type: ignore[override] # noqa: B008
        """Always invalid: the list is flat."""
        return QModelIndex()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Number of rows that pass the filter."""
        return 0 if parent.isValid() else len(self._feature_of_row)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Number of columns."""
        return 0 if parent.isValid() else len(COLUMN_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Column titles, also where no row passes the filter."""
        return self.features_model.headerData(section, orientation, role)

    def _on_model_reset(self) -> None:
        self._compute_rows()
        self.endResetModel()

    def _update_rows(self) -> None:
        """Sort and filter again, and keep the selection where its rows remain."""
        self.layoutAboutToBeChanged.emit()
        persistent = self.persistentIndexList()
        sources = [self.mapToSource(index) for index in persistent]
        self._compute_rows()
        self.changePersistentIndexList(persistent, [self.mapFromSource(index) for index in sources])
        self.layoutChanged.emit()

    def _compute_rows(self) -> None:
        column, order = self._sort_by
        keys = self.features_model.sort_keys(column)
        ranked = np.argsort(keys if order is Qt.SortOrder.AscendingOrder else -keys, kind="stable")
        is_shown = self.features_model.matches_words(self.search_words)
        is_shown[[number for number in self.found_features if number < len(is_shown)]] = True
        self._feature_of_row = ranked[is_shown[ranked]]
        self._row_of_feature = np.full(self.features_model.n_features, -1, dtype=np.intp)
        self._row_of_feature[self._feature_of_row] = np.arange(len(self._feature_of_row))


def make_feature_list_view(list_proxy: FeatureListProxy) -> QTableView:
    """Returns the table view of the feature list."""
    table = QTableView(accessibleName="Features", sortingEnabled=True)
    table.setModel(list_proxy)
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    set_up_table(table, row_height_px=scale_pixels(table, 24), is_single=True, has_frame=False)
    table.setMinimumWidth(160)
    header = table.horizontalHeader()
    header.setMinimumSectionSize(30)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    for section, width in ((0, 80), (2, 70), (3, 54)):  # the first has room for the mark of sorting
        header.resizeSection(section, scale_pixels(table, width))
    return table
