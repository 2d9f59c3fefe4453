"""Every method against one circuit, mostly one that is known: who finds it?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from circuitviz.canvas.theme import Theme
from circuitviz.formats.cells import csv_text
from circuitviz.formats.reference import judged
from circuitviz.graph import overlap, precision_and_recall
from circuitviz.jobs import Choices, Rank, Ranked, Reply
from circuitviz.panels.beside import HERE
from circuitviz.panels.charts import Chart
from circuitviz.panels.comparing.page import Page
from circuitviz.panels.desk import Desk
from circuitviz.panels.figures import export_plot

Row = dict[str, Any]
COLUMNS: tuple[tuple[str, str, Callable[[Row], float | None]], ...] = (
    ("AUROC", "chance that an edge of the reference scores above another", lambda r: r["auroc"]),
    ("AP", "average precision: area under precision against recall", lambda r: r["average_precision"]),
    ("precision", "share of the circuit's edges that the reference has", lambda r: r["edges"]["precision"]),
    ("recall", "share of the reference's edges that the circuit has", lambda r: r["edges"]["recall"]),
    ("IoU", "shared edges over all edges of both", lambda r: r["edges"]["iou"]),
)


class MethodsPage(Page):
    """A row for this circuit and for every method that was run; precision against recall beside them."""

    title = "Methods"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.all = QPushButton("Run all methods", objectName="primary")
        self.stop = QPushButton("Cancel")
        self.table = QTableWidget(0, len(COLUMNS) + 1, accessibleName="Methods against the chosen circuit")
        self.chart = Chart()
        self.chart.setAccessibleName("Precision against recall")
        self.note = QLabel("", objectName="muted")
        self.copy = QPushButton("Copy table", toolTip="tab-separated, for a spreadsheet")
        self.export = QPushButton("Export…", toolTip="the plot as SVG, PDF or PNG, its table as CSV")
        self.methods: tuple[str, ...] = ()
        self._found: list[Row] = []
        self._against = ""
        self._drawn: object = None
        self._running = False
        self._build()
        for button in (self.all, self.stop, self.copy, self.export):
            button.setEnabled(False)  # until the page is seen and there is something to compare
        self.all.clicked.connect(self.run_all)
        self.stop.clicked.connect(desk.cancel)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text("\t")))
        self.export.clicked.connect(self._export)
        self.table.itemSelectionChanged.connect(self._draw)
        self.chart.pointed.connect(self.note.setText)
        desk.choices_arrived.connect(self._set_choices)
        desk.arrived.connect(self._arrived)
        desk.idle.connect(self._idle)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme, self._drawn = theme, None
        self._draw()

    def run_all(self) -> None:
        """Search with every method on the open model and task, under the reference's ablation."""
        document, where = self.desk.beside.chosen, self.desk.document.state.provenance
        known = None if document is None else document.state.live
        if document is None or known is None:
            return
        told = document.extra.get("reference", {})
        ablation = told.get("ablation") or (where.ablation if where else "corrupted")
        self._running = True
        self.refresh()
        self.desk.ask(
            Rank(
                self._against, known, judged(document), self.methods,
                where.metric if where else None, ablation,
            )
        )  # fmt: skip

    def text(self, between: str) -> str:
        """The table as text."""
        head = ["method", *(name for name, _, _ in COLUMNS)]
        rows = ([row["method"], *(_number(row, of) for _, _, of in COLUMNS)] for row in self._rows())
        return csv_text([head, *rows], between)

    def _build(self) -> None:
        head = QHBoxLayout(spacing=6)
        for widget in (self.all, self.stop):
            head.addWidget(widget)
        head.addStretch(1)
        for button in (self.copy, self.export):
            head.addWidget(button)
        self.table.setHorizontalHeaderLabels(["method", *(name for name, _, _ in COLUMNS)])
        for i, (_, tip, _) in enumerate(COLUMNS, start=1):
            self.table.horizontalHeaderItem(i).setToolTip(tip)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeaderItem(0).setTextAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        plots = QHBoxLayout(spacing=8)
        plots.addWidget(self.table, 1)
        plots.addWidget(self.chart)
        self.chart.setFixedWidth(200)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.setSpacing(6)
        whole.addLayout(head)
        whole.addWidget(self.about)
        whole.addLayout(plots, 1)
        whole.addWidget(self.note)

    def _set_choices(self, choices: Choices) -> None:
        self.methods = tuple(choices.methods)

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Ranked) and reply.reference == self._against:
            self._found = reply.rows
            self.refresh()

    def _idle(self) -> None:
        self._running = False
        self.refresh()

    def _rows(self) -> list[Row]:
        return [*([here] if (here := self._here()) else []), *self._found]

    def _here(self) -> Row | None:
        """The open circuit against the chosen one."""
        state, document = self.desk.document.state, self.desk.beside.chosen
        known = None if document is None else document.state.live
        if document is None or known is None or state.live is None:
            return None
        silent = judged(document)
        precision, recall = [], []
        if state.scores is not None:
            mask = known.graph.mask if silent is None else silent
            at = precision_and_recall(np.abs(state.scores.values), known.edges, mask)
            precision, recall = (values.tolist() for values in at)
        return {
            "method": HERE,
            **overlap(state.live, known, state.scores, silent),
            "curve": {"precision": precision, "recall": recall},
        }

    def show_now(self) -> None:
        """Rows against what is chosen now; those against another circuit are gone."""
        if self._against != self.desk.beside.name:
            self._against, self._found = self.desk.beside.name, []
        rows, busy = self._rows(), self._running
        self.all.setEnabled(bool(rows) and self.desk.opened is not None and not busy)
        self.stop.setEnabled(busy)
        self.copy.setEnabled(bool(rows))
        self.export.setEnabled(bool(rows))
        self.about.setText(self._told())
        chosen = self.table.currentRow()
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            self.table.setItem(at, 0, QTableWidgetItem(row["method"]))
            for i, (_, _, of) in enumerate(COLUMNS, start=1):
                item = QTableWidgetItem(_number(row, of))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, i, item)
            if "error" in row:
                self.table.item(at, 0).setToolTip(row["error"])
        if rows:
            self.table.selectRow(min(max(chosen, 0), len(rows) - 1))
        self.table.blockSignals(False)
        self._draw()

    def _told(self) -> str:
        document = self.desk.beside.chosen
        if document is None:
            return ""
        told, known = document.extra.get("reference"), document.state.circuit
        size = f"{known.n_edges:,} edges" if known is not None else "no circuit"
        if not told:
            return size
        silent = ""
        if told.get("heads_only"):
            silent = " It says nothing of MLPs: edges from and to them are left out."
        return f"{told['about']}; {size}.{silent}\nSources: {'; '.join(told['sources'])}"

    def _draw(self) -> None:
        rows = self._rows()
        at = self.table.currentRow()
        strong = rows[at]["method"] if 0 <= at < len(rows) else None
        if (drawn := (rows, strong)) == self._drawn:
            return
        self._drawn = drawn
        self.chart.draw("ranking", {"rows": [r for r in rows if r["curve"]["recall"]], "strong": strong})
        error = rows[at].get("error", "") if 0 <= at < len(rows) else ""
        self.note.setText(error)

    def _export(self) -> None:
        export_plot(self, self.desk, self.chart, "compare")


def _number(row: Row, of: Callable[[Row], float | None]) -> str:
    if "error" in row:
        return ""
    value = of(row)
    return "–" if value is None else f"{value:.3f}"
