"""Which examples are explained alike: cosines of their traces, at one site or all, or of two targets."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton

from circuitviz.graph import Traces
from circuitviz.graph.names import by_layer
from circuitviz.jobs.traces import Collected
from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.heat.grid import Table
from circuitviz.panels.saving import Plotted
from circuitviz.panels.tracing.page import TracesPage, snippet

ALL, ITSELF = "All sites", "its own examples"
BY_ACTIVATION, BY_LIKENESS = "by activation", "by likeness"


class SimilarityPage(TracesPage):
    """A click opens the row's example; the column's is then a second click away.

    ``column``: the button for that, which the panel puts where there is room.
    """

    title = "Similarity"

    def __init__(self) -> None:
        super().__init__()
        self.site = QComboBox(accessibleName="Site that is compared")
        self.beside = QComboBox(accessibleName="Traces that are the columns")
        self.order = QComboBox(accessibleName="Order of the examples")
        self.order.addItems([BY_ACTIVATION, BY_LIKENESS])
        self.order.setToolTip("examples keep their numbers: 1 is the one where the target is most active")
        for box, letters in ((self.site, 6), (self.beside, 8), (self.order, 8)):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(letters)
        self.column = QPushButton("Column’s circuit", visible=False)
        self.map = HeatMap("Similarity of circuits", least=5.0)
        bar = QHBoxLayout(spacing=8)
        bar.setContentsMargins(4, 0, 12, 0)
        bar.addWidget(self.site)
        bar.addWidget(QLabel("against", objectName="muted"))
        bar.addWidget(self.beside, 1)
        bar.addWidget(self.order)
        self.whole.addLayout(bar)
        self.whole.addWidget(self.map, 1)
        self._other = ("", -1)
        self._orders: tuple[list[int], list[int]] = ([], [])  # examples of rows and columns, as they stand
        self.site.activated.connect(lambda _i: self.draw())
        self.beside.activated.connect(lambda _i: self.draw())
        self.order.activated.connect(lambda _i: self.draw())
        self.map.pointed.connect(lambda *place: self.pointed.emit(self.map.grid.say(*place)))
        self.map.chosen.connect(self._chosen)
        self.column.clicked.connect(lambda: self.example_wanted.emit(*self._other))

    @property
    def other(self) -> Collected | None:
        """The traces that are the columns, where they are another's."""
        return self.kept.get(self.beside.currentText())

    def draw(self) -> None:
        """Cosines of the site that is chosen."""
        self.map.theme = self.theme
        shown = self.shown
        self._offer(self.beside, [ITSELF, *(n for n in self.kept if shown is None or n != shown.name)])
        self.column.hide()
        if shown is None:
            self._offer(self.site, [ALL])
            self.map.show_grid(HeatGrid((), (), Traces("", ()).similarity()))
            return
        columns = shown if self.other is None else self.other
        sites = dict.fromkeys([*shown.traces.sites, *columns.traces.sites])
        ordered = sorted(sites, key=by_layer)
        self._offer(self.site, [ALL, *ordered])
        self.map.show_grid(self._grid(shown.traces, columns.traces))

    def show_site(self, site: str) -> None:
        """Compare at this site."""
        self.site.setCurrentText(site)
        self.draw()

    def picture(self) -> tuple[str, Plotted]:
        """The map."""
        return "traces-similarity", self.map

    def said(self) -> str:
        """What rows and columns are."""
        if self.shown is None:
            return ""
        rows = f"Rows: examples of {self.shown.traces.target}, 1 the most active"
        return f"A click opens the row’s circuit. {rows}."

    def _grid(self, rows: Traces, columns: Traces) -> HeatGrid:
        site = None if self.site.currentText() == ALL else self.site.currentText()
        values = rows.similarity(site, None if columns is rows else columns)
        alike = self.order.currentText() == BY_LIKENESS
        down, across = self._orders = (
            rows.alike(site) if alike else list(range(len(rows.traces))),
            columns.alike(site) if alike else list(range(len(columns.traces))),
        )
        shown = values[np.ix_(down, across)]

        def told(i: int, j: int) -> str:
            row, column = down[i], across[j]
            pair = f"{row + 1}: {snippet(rows, row)}   {column + 1}: {snippet(columns, column)}"
            return f"{values[row, column]:+.3f}  {pair}"

        return HeatGrid(
            [str(i + 1) for i in down],
            [str(j + 1) for j in across],
            shown,
            unit="cosine",
            limit=1.0,
            told=told,
            table=partial(_table, rows, columns, values.tolist(), site or "all"),
        )

    def _chosen(self, row: int, column: int) -> None:
        assert self.shown is not None
        columns = self.shown if self.other is None else self.other
        row, column = self._orders[0][row], self._orders[1][column]
        self._other = (columns.name, column)
        self.example_wanted.emit(self.shown.name, row)
        self.column.setVisible(columns is not self.shown or row != column)

    def _offer(self, box: QComboBox, texts: list[str]) -> None:
        if [box.itemText(i) for i in range(box.count())] != texts:
            before = box.currentText()
            box.clear()
            box.addItems(texts)
            box.setCurrentText(before if before in texts else texts[0])


def _table(rows: Traces, columns: Traces, values: list[list[float]], site: str) -> Table:
    """A row for each pair of examples."""
    found: Table = [["site", "row", "row_activation", "column", "column_activation", "similarity"]]
    for i, line in enumerate(values):
        place = [site, i + 1, rows.traces[i].example.activation]
        found += [[*place, j + 1, columns.traces[j].example.activation, v] for j, v in enumerate(line)]
    return found
