"""Heat map of pairwise cosine similarity between traces, of one target or of two."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QWidget

from circuitviz.graph import TraceSet
from circuitviz.graph.names import site_sort_key
from circuitviz.number_text import signed_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.traces.traces_page import TracesPage, example_snippet
from circuitviz.panels.widgets.fields import choice_box, let_shrink
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.plots import TableRows
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.collect_traces import TraceCollection

ALL_SITES, OWN_EXAMPLES = "All sites", "the same examples"
BY_ACTIVATION, BY_SIMILARITY = "by activation", "by similarity"


class SimilarityPage(TracesPage):
    """A click opens the circuit of the row's example.

    ``column_circuit_button`` then opens that of the column's; the panel places this button in its footer.
    """

    title = "Similarity"

    def __init__(self) -> None:
        super().__init__()
        self.site_box = ComboBox(accessibleName="Site to compare")
        self.columns_box = ComboBox(accessibleName="Collection in the columns")
        self.order_box = choice_box("Order of the examples", BY_ACTIVATION, BY_SIMILARITY)
        self.order_box.setToolTip("examples are numbered by activation; 1 has the highest")
        for box, letters in ((self.site_box, 6), (self.columns_box, 8), (self.order_box, 8)):
            let_shrink(box, n_letters=letters)
        self.column_circuit_button = QPushButton("Column’s circuit", visible=False)
        self.heat_map = HeatMap("Similarity of circuits", min_row_height=5.0)
        sites = QWidget()
        against = QLabel("against", objectName="muted")
        lay_out_row(self.site_box, against, (self.columns_box, 1), parent=sites, spacing=8)
        bar = FoldingRow(sites, self.order_box, stretches=(1, 0), margins=(4, 0, 12, 0))
        self.page_layout.addWidget(bar)
        self.page_layout.addWidget(self.heat_map, 1)
        self._column_example = ("", -1)
        self._example_orders: tuple[list[int], list[int]] = (
            [],
            [],
        )  # examples of rows and columns, as they stand
        self.site_box.activated.connect(lambda _i: self.draw_page())
        self.columns_box.activated.connect(lambda _i: self.draw_page())
        self.order_box.activated.connect(lambda _i: self.draw_page())
        self.heat_map.cell_hovered.connect(
            lambda *place: self.hovered.emit(self.heat_map.grid.cell_description(*place))
        )
        self.heat_map.cell_chosen.connect(self._on_cell_clicked)
        self.column_circuit_button.clicked.connect(lambda: self.example_requested.emit(*self._column_example))

    @property
    def column_collection(self) -> TraceCollection | None:
        """The collection whose examples are the columns, or None for the shown collection itself."""
        return self.collections.get(self.columns_box.currentText())

    def draw_page(self) -> None:
        """Draw the similarities at the chosen site."""
        collection = self.collection
        self._set_items(
            self.columns_box,
            [OWN_EXAMPLES, *(n for n in self.collections if collection is None or n != collection.label)],
        )
        self.column_circuit_button.hide()
        if collection is None:
            self._set_items(self.site_box, [ALL_SITES])
            self.heat_map.show_grid(HeatGrid((), (), TraceSet("", ()).similarity()))
            return
        columns = collection if self.column_collection is None else self.column_collection
        sites = dict.fromkeys([*collection.traces.sites, *columns.traces.sites])
        ordered = sorted(sites, key=site_sort_key)
        self._set_items(self.site_box, [ALL_SITES, *ordered])
        self.heat_map.show_grid(self._similarity_grid(collection.traces, columns.traces))

    def show_site(self, site: str) -> None:
        """Choose a site."""
        self.site_box.setCurrentText(site)
        self.draw_page()

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """The heat map."""
        return "traces-similarity", self.heat_map

    def summary_text(self) -> str:
        """What rows and columns are."""
        if self.collection is None:
            return ""
        rows = f"Rows: examples of {self.collection.traces.target}, numbered by activation"
        return f"Click a cell to open the row’s circuit. {rows}."

    def _similarity_grid(self, rows: TraceSet, columns: TraceSet) -> HeatGrid:
        site = None if self.site_box.currentText() == ALL_SITES else self.site_box.currentText()
        values = rows.similarity(site, None if columns is rows else columns)
        is_by_similarity = self.order_box.currentText() == BY_SIMILARITY
        row_order, column_order = self._example_orders = (
            rows.similarity_order(site) if is_by_similarity else list(range(len(rows.traces))),
            columns.similarity_order(site) if is_by_similarity else list(range(len(columns.traces))),
        )
        cells = values[np.ix_(row_order, column_order)]

        def describe_cell(i: int, j: int) -> str:
            row, column = row_order[i], column_order[j]
            pair = (
                f"{row + 1}: {example_snippet(rows, row)}   {column + 1}: {example_snippet(columns, column)}"
            )
            return f"{signed_number(values[row, column], 3)}  {pair}"

        return HeatGrid(
            [str(i + 1) for i in row_order],
            [str(j + 1) for j in column_order],
            cells,
            unit="cosine",
            scale_limit=1.0,
            describe_cell=describe_cell,
            build_table=partial(_pair_table, rows, columns, values.tolist(), site or "all"),
        )

    def _on_cell_clicked(self, row: int, column: int) -> None:
        assert self.collection is not None
        columns = self.collection if self.column_collection is None else self.column_collection
        row, column = self._example_orders[0][row], self._example_orders[1][column]
        self._column_example = (columns.label, column)
        self.example_requested.emit(self.collection.label, row)
        self.column_circuit_button.setVisible(columns is not self.collection or row != column)

    def _set_items(self, box: QComboBox, texts: list[str]) -> None:
        if [box.itemText(i) for i in range(box.count())] != texts:
            previous = box.currentText()
            box.clear()
            box.addItems(texts)
            box.setCurrentText(previous if previous in texts else texts[0])


def _pair_table(rows: TraceSet, columns: TraceSet, values: list[list[float]], site: str) -> TableRows:
    """Rows of the exported table, one per pair of examples."""
    table: TableRows = [["site", "row", "row_activation", "column", "column_activation", "similarity"]]
    for i, line in enumerate(values):
        row_cells = [site, i + 1, rows.traces[i].example.activation]
        table += [[*row_cells, j + 1, columns.traces[j].example.activation, v] for j, v in enumerate(line)]
    return table
