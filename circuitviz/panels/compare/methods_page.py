"""Compare methods page: how well each method recovers a reference circuit."""

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

from circuitviz.formats.csv_cells import format_csv
from circuitviz.formats.reference_circuit import edges_in_scope
from circuitviz.graph import overlap, precision_and_recall
from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.panels.figures import open_plot_dialog
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.scene.theme import Theme
from circuitviz.workbench.requests.compare_methods import CompareMethods, MethodsCompared
from circuitviz.workbench.requests.load_choices import Choices
from circuitviz.workbench.requests.messages import Reply
from circuitviz.workspace.comparison_set import THIS_CIRCUIT
from circuitviz.workspace.workspace import Workspace

OverlapRow = dict[str, Any]
OVERLAP_COLUMNS: tuple[tuple[str, str, Callable[[OverlapRow], float | None]], ...] = (
    ("AUROC", "probability that an edge of the reference scores above another edge", lambda r: r["auroc"]),
    ("AP", "average precision: area under precision against recall", lambda r: r["average_precision"]),
    ("precision", "share of the circuit's edges that the reference has", lambda r: r["edges"]["precision"]),
    ("recall", "share of the reference's edges that the circuit has", lambda r: r["edges"]["recall"]),
    ("IoU", "shared edges over all edges of both", lambda r: r["edges"]["iou"]),
)


class MethodsPage(ComparePage):
    """One row per method that was run and one for this circuit; their precision-recall curves."""

    title = "Methods"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.reference_label = QLabel("", objectName="muted", wordWrap=True)
        self.reference_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.run_button = QPushButton("Run all methods", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.table = QTableWidget(
            0, len(OVERLAP_COLUMNS) + 1, accessibleName="Methods against the chosen circuit"
        )
        self.chart = ChartView()
        self.chart.setAccessibleName("Precision against recall")
        self.message_label = QLabel("", objectName="muted")
        self.copy_button = QPushButton("Copy table", toolTip="copy the table as tab-separated text")
        self.export_button = QPushButton(
            "Export…", toolTip="export the plot as SVG, PDF or PNG, or its numbers as CSV"
        )
        self.method_names: tuple[str, ...] = ()
        self._method_rows: list[OverlapRow] = []
        self._reference_name = ""
        self._drawn_key: object = None
        self._is_running = False
        self._build()
        for button in (self.run_button, self.cancel_button, self.copy_button, self.export_button):
            button.setEnabled(False)  # until the page is seen and there is something to compare
        self.run_button.clicked.connect(self.run_all)
        self.cancel_button.clicked.connect(workspace.cancel_jobs)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.table_text("\t")))
        self.export_button.clicked.connect(self._export_chart)
        self.table.itemSelectionChanged.connect(self._draw_chart)
        self.chart.hover_text_changed.connect(self.message_label.setText)
        workspace.catalog_received.connect(self._set_choices)
        workspace.reply_received.connect(self._on_reply)
        workspace.worker_idle.connect(self._on_idle)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme, self._drawn_key = theme, None
        self._draw_chart()

    def run_all(self) -> None:
        """Search with every method on the open model and task, under the reference's ablation."""
        document, origin = self.workspace.comparison.chosen_document, self.workspace.document.state.origin
        known = None if document is None else document.state.live_circuit
        if document is None or known is None:
            return
        told = document.extra.get("reference", {})
        ablation = told.get("ablation") or (origin.ablation if origin else "corrupted")
        self._is_running = True
        self.refresh()
        self.workspace.submit_request(
            CompareMethods(
                self._reference_name, known, edges_in_scope(document), self.method_names,
                origin.metric if origin else None, ablation,
            )
        )  # fmt: skip

    def table_text(self, delimiter: str) -> str:
        """The table as tab-separated text."""
        head = ["method", *(name for name, _, _ in OVERLAP_COLUMNS)]
        rows = (
            [row["method"], *(_format_cell(row, of) for _, _, of in OVERLAP_COLUMNS)] for row in self._rows()
        )
        return format_csv([head, *rows], delimiter)

    def _build(self) -> None:
        head = QHBoxLayout(spacing=6)
        for widget in (self.run_button, self.cancel_button):
            head.addWidget(widget)
        head.addStretch(1)
        for button in (self.copy_button, self.export_button):
            head.addWidget(button)
        for i, (name, tip) in enumerate([("method", ""), *((n, tip) for n, tip, _ in OVERLAP_COLUMNS)]):
            item = QTableWidgetItem(name)
            item.setToolTip(tip)
            if not i:
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            self.table.setHorizontalHeaderItem(i, item)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        plots = QHBoxLayout(spacing=8)
        plots.addWidget(self.table, 1)
        plots.addWidget(self.chart)
        self.chart.setFixedWidth(200)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.setSpacing(6)
        whole.addLayout(head)
        whole.addWidget(self.reference_label)
        whole.addLayout(plots, 1)
        whole.addWidget(self.message_label)

    def _set_choices(self, choices: Choices) -> None:
        self.method_names = tuple(choices.methods)

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, MethodsCompared) and reply.reference_name == self._reference_name:
            self._method_rows = reply.rows
            self.refresh()

    def _on_idle(self) -> None:
        self._is_running = False
        self.refresh()

    def _rows(self) -> list[OverlapRow]:
        return [*([here] if (here := self._open_circuit_row()) else []), *self._method_rows]

    def _open_circuit_row(self) -> OverlapRow | None:
        """Row that compares the open circuit with the chosen one."""
        state, document = self.workspace.document.state, self.workspace.comparison.chosen_document
        known = None if document is None else document.state.live_circuit
        if document is None or known is None or state.live_circuit is None:
            return None
        silent = edges_in_scope(document)
        precision, recall = [], []
        if state.scores is not None:
            mask = known.graph.mask if silent is None else silent
            at = precision_and_recall(np.abs(state.scores.values), known.edges, mask)
            precision, recall = (values.tolist() for values in at)
        return {
            "method": THIS_CIRCUIT,
            **overlap(state.live_circuit, known, state.scores, silent),
            "curve": {"precision": precision, "recall": recall},
        }

    def refresh_now(self) -> None:
        """Show the rows for the chosen circuit; rows for another one are dropped."""
        if self._reference_name != self.workspace.comparison.chosen_name:
            self._reference_name, self._method_rows = self.workspace.comparison.chosen_name, []
        rows, busy = self._rows(), self._is_running
        self.run_button.setEnabled(bool(rows) and self.workspace.opened_model is not None and not busy)
        self.cancel_button.setEnabled(busy)
        self.copy_button.setEnabled(bool(rows))
        self.export_button.setEnabled(bool(rows))
        self.reference_label.setText(self._reference_description())
        chosen = self.table.currentRow()
        self.table.blockSignals(True)
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            name_item = QTableWidgetItem(row["method"])
            name_item.setToolTip(row.get("error", ""))
            self.table.setItem(at, 0, name_item)
            for i, (_, _, of) in enumerate(OVERLAP_COLUMNS, start=1):
                item = QTableWidgetItem(_format_cell(row, of))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, i, item)
        if rows:
            self.table.selectRow(min(max(chosen, 0), len(rows) - 1))
        self.table.blockSignals(False)
        self._draw_chart()

    def _reference_description(self) -> str:
        document = self.workspace.comparison.chosen_document
        if document is None:
            return ""
        told, known = document.extra.get("reference"), document.state.circuit
        size = f"{known.n_edges:,} edges" if known is not None else "no circuit"
        if not told:
            return size
        silent = ""
        if told.get("heads_only"):
            silent = " It does not cover MLPs: their edges are left out."
        return f"{told['about']}; {size}.{silent}\nSources: {'; '.join(told['sources'])}"

    def _draw_chart(self) -> None:
        rows = self._rows()
        at = self.table.currentRow()
        strong = rows[at]["method"] if 0 <= at < len(rows) else None
        if (drawn := (rows, strong)) == self._drawn_key:
            return
        self._drawn_key = drawn
        self.chart.draw_result(
            "ranking", {"rows": [r for r in rows if r["curve"]["recall"]], "strong": strong}
        )
        error = rows[at].get("error", "") if 0 <= at < len(rows) else ""
        self.message_label.setText(error)

    def _export_chart(self) -> None:
        open_plot_dialog(self, self.workspace, self.chart, "compare")


def _format_cell(row: OverlapRow, column_value: Callable[[OverlapRow], float | None]) -> str:
    if "error" in row:
        return ""
    value = column_value(row)
    return "–" if value is None else f"{value:.3f}"
