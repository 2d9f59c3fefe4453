"""The open circuit on other models of its shape: does it carry over to other weights?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
)

from circuitviz.jobs import Elsewhere, EvaluateElsewhere, Reply
from circuitviz.panels.comparing.page import Page
from circuitviz.panels.desk import Desk

OF_FEATURES = "These features are of this model's dictionaries; a circuit of heads can go to another model."
HEADS = ("model", "faithfulness", "95 % interval", "circuit", "model alone", "ablated")


class ElsewherePage(Page):
    """A row for the circuit's own model, and one for each other that it was evaluated on."""

    title = "On another model"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.model = QLineEdit(placeholderText="a name, or a model's folder", accessibleName="Other model")
        self.model.setMinimumWidth(220)
        browse = "Choose a model's folder"
        self.browse = QToolButton(text="…", toolTip=browse, accessibleName=browse)
        self.run = QPushButton("Evaluate", objectName="primary")
        self.table = QTableWidget(0, len(HEADS), accessibleName="This circuit on other models")
        self.note = QLabel("", objectName="muted", wordWrap=True)
        self._found: dict[tuple[str, str], Elsewhere] = {}
        row = QHBoxLayout(spacing=6)
        row.addWidget(QLabel("Model"))
        for widget in (self.model, self.browse, self.run):
            row.addWidget(widget)
        row.addWidget(self.note, 1)
        self.table.setHorizontalHeaderLabels(HEADS)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.addLayout(row)
        whole.addWidget(self.table, 1)
        self.run.clicked.connect(self.evaluate)
        self.browse.clicked.connect(self._browse)
        self.model.returnPressed.connect(self.evaluate)
        self.model.textChanged.connect(lambda _text: self.refresh())
        desk.arrived.connect(self._arrived)
        desk.live.changed.connect(lambda _tier: self.refresh())

    def evaluate(self) -> None:
        """Ask for the circuit's numbers on the model that is named."""
        state, name = self.desk.document.state, self.model.text().strip()
        if state.live is None or state.provenance is None or not self.run.isEnabled():
            return
        what = name, state.live, state.provenance, state.measured
        self.desk.ask(EvaluateElsewhere(*what, self.desk.device, state.changed))

    def show_now(self) -> None:
        """The rows of the circuit as it is now; numbers of an earlier state are not shown."""
        state, numbers = self.desk.document.state, self.desk.document.evaluation
        features = self.desk.asking.question is not None
        can = state.live is not None and state.provenance is not None and not features
        self.run.setEnabled(can and bool(self.model.text().strip()))
        why = OF_FEATURES if features else "Find a circuit first, or open a file that says how it was found."
        same = "Same circuit, prompts, metric and ablation; other weights of the same shape."
        self.note.setText(same if can else why)
        rows = []
        if state.provenance is not None and numbers is not None:
            rows.append(_row(f"{state.provenance.model} (its own)", numbers))
        found = [e for e in self._found.values() if e.key == state.measured]
        rows += [_row(Path(e.model).name, e.numbers) for e in found]
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            for column, text in enumerate(row):
                self.table.setItem(at, column, QTableWidgetItem(text))
                self.table.item(at, column).setToolTip(text)

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Elsewhere):
            self._found[(reply.model, reply.key)] = reply
            self.refresh()

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Choose a model's folder")
        if path:
            self.model.setText(str(Path(path)))


def _row(name: str, numbers: dict[str, Any]) -> list[str]:
    value, metric = numbers["faithfulness"], numbers["metric"]
    band = "" if value["low"] is None else f"{value['low']:.3f} to {value['high']:.3f}"
    told = "undefined" if value["value"] is None else f"{value['value']:.3f}"
    return [name, told, band, *(f"{metric[k]:.3f}" for k in ("circuit", "model", "ablated"))]
