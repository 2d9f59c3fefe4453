"""Compare methods page: how well each method recovers a reference circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHeaderView, QLabel, QPushButton

from circuitviz.formats.csv_cells import format_csv
from circuitviz.formats.reference_circuit import edges_in_scope
from circuitviz.graph import overlap, precision_and_recall
from circuitviz.number_text import decimal_number
from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.panels.figures import ExportButton
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.tables import TextTable
from circuitviz.workbench.requests.compare_methods import CompareMethods, MethodsCompared
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workspace.comparison_set import THIS_CIRCUIT
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

OverlapRow = dict[str, Any]
OVERLAP_COLUMNS: tuple[tuple[str, str, Callable[[OverlapRow], float | None]], ...] = (
    ("AUROC", "probability that an edge of the reference scores above another edge", lambda r: r["auroc"]),
    ("AP", "average precision: area under precision against recall", lambda r: r["average_precision"]),
    ("precision", "share of the circuit's edges that the reference has", lambda r: r["edges"]["precision"]),
    ("recall", "share of the reference's edges that the circuit has", lambda r: r["edges"]["recall"]),
    ("IoU", "shared edges over all edges of both", lambda r: r["edges"]["iou"]),
)
TITLES = ("method", *(name for name, _, _ in OVERLAP_COLUMNS))


class MethodsPage(ComparePage):
    """One row per method that was run and one for this circuit; their precision-recall curves."""

    title = "Methods"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.reference_label = QLabel("", objectName="muted", wordWrap=True)
        self.reference_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.run_button = QPushButton("Run all methods", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.table = TextTable(
            TITLES, "Methods against the chosen circuit", n_left_columns=1, row_height_px=24, is_single=True
        )
        self.chart = ChartView("Precision against recall")
        self.message_label = QLabel("", objectName="muted")
        self.copy_button = QPushButton("Copy table", toolTip="copy the table as tab-separated text")
        self.export_button = ExportButton(workspace, lambda: {"compare": self.chart})
        self.method_names: tuple[str, ...] = ()
        self._method_rows: list[OverlapRow] = []
        self._reference_name = ""
        self._drawn_key: object = None
        self._job = LatestJob(workspace, self)
        self._build()
        for button in (self.run_button, self.cancel_button, self.copy_button, self.export_button):
            button.setEnabled(False)  # until the page is seen and there is something to compare
        self.run_button.clicked.connect(self.run_all)
        self.cancel_button.clicked.connect(self._job.cancel)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.table_text("\t")))
        self.table.itemSelectionChanged.connect(self._draw_chart)
        self.chart.hover_text_changed.connect(self.message_label.setText)
        workspace.catalog_received.connect(self._set_catalog)
        self._job.received.connect(self._on_methods_compared)
        self._job.running_changed.connect(lambda _is_running: self.refresh())

    def run_all(self) -> None:
        """Search with every method on the open model and task, under the reference's ablation."""
        document, origin = self.workspace.comparison.chosen_document, self.workspace.document.state.origin
        reference = None if document is None else document.state.live_circuit
        if document is None or reference is None:
            return
        reference_info = document.extra.get("reference", {})
        ablation = reference_info.get("ablation") or (origin.ablation if origin else "corrupted")
        self._job.submit(
            CompareMethods(
                self._reference_name, reference, edges_in_scope(document), self.method_names,
                origin.metric if origin else None, ablation,
            )
        )  # fmt: skip

    def table_text(self, delimiter: str) -> str:
        """The table as tab-separated text."""
        return format_csv([TITLES, *self._texts()], delimiter)

    def _texts(self) -> list[list[str]]:
        columns = [column_value for _, _, column_value in OVERLAP_COLUMNS]
        return [[row["method"], *(_format_cell(row, of) for of in columns)] for row in self._rows()]

    def _build(self) -> None:
        head = lay_out_row(
            self.run_button, self.cancel_button, 1, self.copy_button, self.export_button, spacing=6
        )
        for i, (_, tip, _) in enumerate(OVERLAP_COLUMNS, start=1):
            self.table.title_item(i).setToolTip(tip)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        plots = lay_out_row((self.table, 1), self.chart, spacing=8)
        self.chart.setFixedWidth(200)
        lay_out_column(
            head,
            self.reference_label,
            (plots, 1),
            self.message_label,
            parent=self,
            spacing=6,
            margins=(0, 6, 0, 0),
        )

    def _set_catalog(self, catalog: Catalog) -> None:
        self.method_names = tuple(catalog.methods)

    def _on_methods_compared(self, reply: MethodsCompared) -> None:
        if reply.reference_name == self._reference_name:
            self._method_rows = reply.rows
            self.refresh()

    def _rows(self) -> list[OverlapRow]:
        return [*([open_row] if (open_row := self._open_circuit_row()) else []), *self._method_rows]

    def _open_circuit_row(self) -> OverlapRow | None:
        """Row that compares the open circuit with the chosen one."""
        state, document = self.workspace.document.state, self.workspace.comparison.chosen_document
        reference = None if document is None else document.state.live_circuit
        if document is None or reference is None or state.live_circuit is None:
            return None
        scope = edges_in_scope(document)
        precision, recall = [], []
        if state.scores is not None:
            mask = reference.graph.mask if scope is None else scope
            curve = precision_and_recall(np.abs(state.scores.values), reference.edges, mask)
            precision, recall = (values.tolist() for values in curve)
        return {
            "method": THIS_CIRCUIT,
            **overlap(state.live_circuit, reference, state.scores, scope),
            "curve": {"precision": precision, "recall": recall},
        }

    def refresh_now(self) -> None:
        """Show the rows for the chosen circuit; rows for another one are dropped."""
        if self._reference_name != self.workspace.comparison.chosen_name:
            self._reference_name, self._method_rows = self.workspace.comparison.chosen_name, []
        rows, is_running = self._rows(), self._job.is_running
        self.run_button.setEnabled(bool(rows) and self.workspace.opened_model is not None and not is_running)
        self.cancel_button.setEnabled(is_running)
        self.copy_button.setEnabled(bool(rows))
        self.export_button.setEnabled(bool(rows))
        self.reference_label.setText(self._reference_description())
        selected_row = self.table.currentRow()
        with QSignalBlocker(self.table):
            self.table.show_rows(self._texts(), [row.get("error", "") for row in rows])
            if rows:
                self.table.selectRow(min(max(selected_row, 0), len(rows) - 1))
        self._draw_chart()

    def _reference_description(self) -> str:
        document = self.workspace.comparison.chosen_document
        if document is None:
            return ""
        reference_info, circuit = document.extra.get("reference"), document.state.circuit
        size = f"{circuit.n_edges:,} edges" if circuit is not None else "no circuit"
        if not reference_info:
            return size
        scope_note = ""
        if reference_info.get("heads_only"):
            scope_note = " It does not cover MLPs: their edges are left out."
        return (
            f"{reference_info['about']}; {size}.{scope_note}\nSources: {'; '.join(reference_info['sources'])}"
        )

    def _draw_chart(self) -> None:
        rows = self._rows()
        row = self.table.currentRow()
        highlighted = rows[row]["method"] if 0 <= row < len(rows) else None
        if (drawn_key := (rows, highlighted)) == self._drawn_key:
            return
        self._drawn_key = drawn_key
        self.chart.draw_result(
            "ranking", {"rows": [r for r in rows if r["curve"]["recall"]], "strong": highlighted}
        )
        error = rows[row].get("error", "") if 0 <= row < len(rows) else ""
        self.message_label.setText(error)


def _format_cell(row: OverlapRow, column_value: Callable[[OverlapRow], float | None]) -> str:
    if "error" in row:
        return ""
    value = column_value(row)
    return "–" if value is None else decimal_number(value, 3)
