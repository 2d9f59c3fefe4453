"""Against what is known: this circuit, and every method's, held against a reference."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
)

from circuitviz.canvas.theme import Theme
from circuitviz.formats import import_document
from circuitviz.formats.reference import find, judged, references
from circuitviz.graph import Shape
from circuitviz.jobs import Choices, Rank, Ranked, Reply
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels
from circuitviz.session import Document, Provenance

HERE = "this circuit"
Row = dict[str, Any]
COLUMNS: tuple[tuple[str, str, Callable[[Row], float | None]], ...] = (
    ("AUROC", "chance that an edge of the reference scores above another", lambda r: r["auroc"]),
    ("AP", "average precision: area under precision against recall", lambda r: r["average_precision"]),
    ("precision", "share of the circuit's edges that the reference has", lambda r: r["edges"]["precision"]),
    ("recall", "share of the reference's edges that the circuit has", lambda r: r["edges"]["recall"]),
    ("IoU", "shared edges over all edges of both", lambda r: r["edges"]["iou"]),
)


@panels.register(
    "compare", summary="against a reference", title="Compare", area="bottom", order=2.5, height=340
)
class ComparePanel(Panel):
    """A reference by name or from a file; a row for this circuit and for every method that was run."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.reference = QComboBox(accessibleName="Reference")
        self.browse = QToolButton(text="…", toolTip="Open any circuit file as the reference")
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.all = QPushButton("Run all methods", objectName="primary")
        self.stop = QPushButton("Cancel")
        self.table = QTableWidget(0, len(COLUMNS) + 1, accessibleName="Methods against the reference")
        self.chart = Chart()
        self.chart.setAccessibleName("Precision against recall")
        self.note = QLabel("", objectName="muted")
        self.copy = QPushButton("Copy table", toolTip="tab-separated, for a spreadsheet")
        self.export = QPushButton("Export…", toolTip="the plot as SVG, PDF or PNG, its table as CSV")
        self._found: list[Row] = []
        self._running = False
        self._offered: object = None
        self._methods: tuple[str, ...] = ()
        self._opened: tuple[str, Document] | None = None
        self._files: dict[str, Path] = {}
        self._build()
        self.reference.currentTextChanged.connect(self._choose)
        self.browse.clicked.connect(self._browse)
        self.all.clicked.connect(self.run_all)
        self.stop.clicked.connect(desk.cancel)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text("\t")))
        self.export.clicked.connect(self._export)
        self.table.itemSelectionChanged.connect(self._draw)
        self.chart.pointed.connect(self.note.setText)
        desk.choices_arrived.connect(self._set_choices)
        desk.arrived.connect(self._arrived)
        desk.idle.connect(self._idle)
        desk.state_changed.connect(self._offer)
        desk.document_opened.connect(self._offer)
        self._offer()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme = theme
        self._draw()

    def open_reference(self, path: Path) -> None:
        """Take a circuit file as the reference."""
        import_document(path)  # told at once where it is none
        self._files[path.name] = path
        self._offer()
        self.reference.setCurrentText(path.name)

    def run_all(self) -> None:
        """Search with every method on the open model and task, under the reference's ablation."""
        name, where = self.reference.currentText(), self.desk.document.state.provenance
        known = None if self._opened is None else self._opened[1].state.circuit
        if self._opened is None or known is None:
            return
        document = self._opened[1]
        told = document.extra.get("reference", {})
        ablation = told.get("ablation") or (where.ablation if where else "corrupted")
        self._running = True
        self._refresh()
        self.desk.ask(
            Rank(
                name, known, judged(document), self._methods,
                where.metric if where else None, ablation,
            )
        )  # fmt: skip

    def text(self, between: str) -> str:
        """The table as text."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=between, lineterminator="\n")
        writer.writerow(["method", *(name for name, _, _ in COLUMNS)])
        for row in self._rows():
            writer.writerow([row["method"], *(_number(row, of) for _, _, of in COLUMNS)])
        return out.getvalue()

    def _build(self) -> None:
        head = QHBoxLayout(spacing=6)
        self.reference.setMinimumWidth(190)
        for widget in (self.reference, self.browse, self.all, self.stop):
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
        whole.setContentsMargins(12, 8, 12, 6)
        whole.setSpacing(6)
        whole.addLayout(head)
        whole.addWidget(self.about)
        whole.addLayout(plots, 1)
        whole.addWidget(self.note)

    def _set_choices(self, choices: Choices) -> None:
        self._methods = tuple(choices.methods)

    def _offer(self) -> None:
        """References of the open circuit's shape, the model's own first; then files that were opened."""
        circuit, where = self.desk.state.circuit, self.desk.document.state.provenance
        shape = None if circuit is None else circuit.graph.shape
        key = (shape, where and (where.model, where.ablation), tuple(self._files))
        if key != self._offered:
            self._offered = key
            wanted = [*_fitting(shape, where), *self._files]
            chosen = self.reference.currentText()
            self.reference.clear()
            self.reference.addItems(wanted)
            if chosen in wanted:
                self.reference.setCurrentText(chosen)
        self._refresh()

    def _choose(self, name: str) -> None:
        self._opened, self._found = None, []
        if name:
            self._opened = name, import_document(self._files.get(name) or find(name))
        self._refresh()

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Ranked) and reply.reference == self.reference.currentText():
            self._found = reply.rows
            self._refresh()

    def _idle(self) -> None:
        self._running = False
        self._refresh()

    def _rows(self) -> list[Row]:
        return [*([here] if (here := self._here()) else []), *self._found]

    def _here(self) -> Row | None:
        """The open circuit against the reference."""
        state = self.desk.document.state
        if self._opened is None or state.live is None:
            return None
        document = self._opened[1]
        known = document.state.circuit
        if known is None or known.graph.shape != state.live.graph.shape:
            return None
        from circuitviz.evaluation import against

        return against(HERE, state.scores, state.live, known, judged(document)).as_dict()

    def _refresh(self) -> None:
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
        if self._opened is None:
            if self.desk.state.circuit is None:
                return ""
            return "No reference of this model's shape ships; open any circuit file as the reference."
        told, known = self._opened[1].extra.get("reference"), self._opened[1].state.circuit
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
        self.chart.draw("ranking", {"rows": [r for r in rows if r["curve"]["recall"]], "strong": strong})
        error = rows[at].get("error", "") if 0 <= at < len(rows) else ""
        self.note.setText(error)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a reference", "", "Circuits (*.circuit *.json)")
        if path:
            self.desk.guarded(self.open_reference, Path(path))

    def _export(self) -> None:
        kinds = "Pictures (*.svg *.pdf *.png);;Table (*.csv)"
        path, _ = QFileDialog.getSaveFileName(self, "Export the plot", "compare.svg", kinds)
        if path:
            self.desk.guarded(self.chart.save, Path(path))


def _fitting(shape: Shape | None, where: Provenance | None) -> list[str]:
    model, ablation = (where.model, where.ablation) if where else ("", "")
    names = []
    for name in references() if shape is not None else ():
        document = import_document(find(name))
        told, known = document.extra["reference"], document.state.circuit
        if known is not None and known.graph.shape == shape:
            names.append((told["model"] != model, told["ablation"] != ablation, name))
    return [name for _, _, name in sorted(names)]


def _number(row: Row, of: Callable[[Row], float | None]) -> str:
    if "error" in row:
        return ""
    value = of(row)
    return "–" if value is None else f"{value:.3f}"
