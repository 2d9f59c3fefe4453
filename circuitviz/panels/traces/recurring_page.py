"""Features that recur: in how many examples each is part of the circuit, and its mean attribution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableView

from circuitviz.graph.traces import RecurringComponent
from circuitviz.number_text import signed_number
from circuitviz.paint.plot_export import ExportablePlot, save_plot
from circuitviz.panels.traces.traces_page import TracesPage
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED
from circuitviz.panels.widgets.tables import AnyIndex, TitledTableModel, set_up_table
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import PlotFigureOptions
from circuitviz.shapes.table_figure import draw_table

MAX_ROWS = 500  # rows: what recurs less is no news
CaptionLookup = Callable[[Sequence[str]], Sequence[str]]
"""From names of features to what they are called, or empty texts."""


class RecurringTableModel(TitledTableModel):
    """One row per feature or head."""

    TITLES = ("Feature", "Label", "Examples", "Mean attribution")

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[RecurringComponent] = ()
        self.captions: Sequence[str] = ()
        self.n_examples = 0

    def show_rows(self, rows: Sequence[RecurringComponent], captions: Sequence[str], n_examples: int) -> None:
        """Show other rows; ``n_examples``: number of examples in the collection."""
        self.beginResetModel()
        self.rows, self.captions, self.n_examples = rows, captions, n_examples
        self.endResetModel()

    @property
    def n_rows(self) -> int:
        """Number of features and heads."""
        return len(self.rows)

    def data(self, index: AnyIndex, role: int = 0) -> Any:
        """Text, alignment, tooltip, and the sort key (``UserRole``) of a cell."""
        row, column = index.row(), index.column()
        recurring, label = self.rows[row], self.captions[row]
        if role == Qt.ItemDataRole.TextAlignmentRole and column > 1:
            return RIGHT_ALIGNED
        if role == Qt.ItemDataRole.UserRole:
            return (recurring.name, label.lower() or "\uffff", recurring.examples, abs(recurring.mean))[
                column
            ]
        if role == Qt.ItemDataRole.ToolTipRole and column == 1:
            return label or None
        if role == Qt.ItemDataRole.DisplayRole:
            return (
                recurring.name,
                label,
                f"{recurring.examples} of {self.n_examples}",
                signed_number(recurring.mean, 4),
            )[column]
        return None


class RecurringPage(TracesPage):
    """Table of recurring features.

    Signal: ``feature_requested(name, open_dashboard)``: a click selects a feature, a double click also opens
    its dashboard.
    """

    title = "Recurring"
    feature_requested = Signal(str, bool)

    def __init__(self, look_up_captions: CaptionLookup) -> None:
        super().__init__()
        self.look_up_captions = look_up_captions
        self.table_model = RecurringTableModel()
        self.sort_proxy = QSortFilterProxyModel()
        self.sort_proxy.setSourceModel(self.table_model)
        self.sort_proxy.setSortRole(Qt.ItemDataRole.UserRole)
        self.table_view = QTableView(accessibleName="Features that recur", sortingEnabled=True)
        self.table_view.setModel(self.sort_proxy)
        self.table_view.sortByColumn(2, Qt.SortOrder.DescendingOrder)
        set_up_table(self.table_view, row_height_px=24, is_single=True, has_frame=False)
        header = self.table_view.horizontalHeader()
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for section, width in ((0, 84), (2, 84), (3, 130)):
            header.resizeSection(section, width)
        self.page_layout.addWidget(self.table_view, 1)
        self.table_view.clicked.connect(lambda index: self._request_feature(index, False))
        self.table_view.doubleClicked.connect(lambda index: self._request_feature(index, True))

    def draw_page(self) -> None:
        """Fill the table."""
        collection = self.collection
        rows = [] if collection is None else collection.traces.recurring_components(MAX_ROWS)
        total = 0 if collection is None else len(collection.traces.traces)
        self.table_model.show_rows(rows, self.look_up_captions([recurring.name for recurring in rows]), total)

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """The table."""
        return "traces-recurring", self

    def summary_text(self) -> str:
        """What a row shows."""
        return "Number of circuits that contain each feature. Double-click to open its dashboard."

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """The table for export, sorted as on screen."""
        return draw_table(self.cells(), figure)

    def cells(self) -> Sequence[Sequence[Any]]:
        """Rows of the exported table, sorted as on screen, with a header row."""
        lines: list[list[Any]] = [["feature", "label", "examples", "of", "mean_attribution"]]
        for i in range(self.sort_proxy.rowCount()):
            row = self.sort_proxy.mapToSource(self.sort_proxy.index(i, 0)).row()
            recurring = self.table_model.rows[row]
            lines.append(
                [
                    recurring.name,
                    self.table_model.captions[row],
                    recurring.examples,
                    self.table_model.n_examples,
                    recurring.mean,
                ]
            )
        return lines

    def save(self, path: Path) -> None:
        """Write the figure or the table, by the file's suffix."""
        save_plot(self, path)

    def _request_feature(self, index: QModelIndex, open_dashboard: bool) -> None:
        recurring = self.table_model.rows[self.sort_proxy.mapToSource(index).row()]
        self.feature_requested.emit(recurring.name, open_dashboard)
