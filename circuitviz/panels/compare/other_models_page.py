"""Evaluates the open circuit on other models of the same shape."""

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

from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.workbench.requests.evaluate_on_other_model import EvaluateOnOtherModel, OtherModelEvaluated
from circuitviz.workbench.requests.messages import Reply
from circuitviz.workspace.workspace import Workspace

FEATURES_ONLY_HERE = (
    "A circuit of features depends on this model's dictionaries; "
    "only circuits of heads and MLPs can be evaluated on another model."
)
HEADERS = ("model", "faithfulness", "95 % interval", "circuit", "full model", "ablated")


class OtherModelsPage(ComparePage):
    """One row for the circuit's own model and one per other model."""

    title = "On another model"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.model_field = QLineEdit(
            placeholderText="a Hugging Face name or a model folder", accessibleName="Other model"
        )
        self.model_field.setMinimumWidth(220)
        browse = "Choose a model folder"
        self.browse_button = QToolButton(text="…", toolTip=browse, accessibleName=browse)
        self.evaluate_button = QPushButton("Evaluate", objectName="primary")
        self.table = QTableWidget(
            0, len(HEADERS), accessibleName="Faithfulness of this circuit on other models"
        )
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self._results: dict[tuple[str, str], OtherModelEvaluated] = {}
        row = QHBoxLayout(spacing=6)
        row.addWidget(QLabel("Model"))
        for widget in (self.model_field, self.browse_button, self.evaluate_button):
            row.addWidget(widget)
        row.addWidget(self.message_label, 1)
        self.table.setHorizontalHeaderLabels(HEADERS)
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
        self.evaluate_button.clicked.connect(self.evaluate)
        self.browse_button.clicked.connect(self._browse_model)
        self.model_field.returnPressed.connect(self.evaluate)
        self.model_field.textChanged.connect(lambda _text: self.refresh())
        workspace.reply_received.connect(self._on_reply)
        workspace.live_faithfulness.changed.connect(lambda _tier: self.refresh())

    def evaluate(self) -> None:
        """Evaluate the circuit on the model that is named in the field."""
        state, name = self.workspace.document.state, self.model_field.text().strip()
        if state.live_circuit is None or state.origin is None or not self.evaluate_button.isEnabled():
            return
        what = name, state.live_circuit, state.origin, state.measurement_key
        self.workspace.submit_request(
            EvaluateOnOtherModel(*what, self.workspace.device, state.active_interventions)
        )

    def refresh_now(self) -> None:
        """Show the rows of the current circuit; results of earlier states are not shown."""
        state, numbers = self.workspace.document.state, self.workspace.document.evaluation
        can = state.live_circuit is not None and state.origin is not None and not state.is_prompt_circuit
        self.evaluate_button.setEnabled(can and bool(self.model_field.text().strip()))
        why = (
            FEATURES_ONLY_HERE
            if state.is_prompt_circuit
            else "Find a circuit, or open a file that records how its circuit was found."
        )
        same = "Same circuit, prompts, metric and ablation; another model of the same shape."
        self.message_label.setText(same if can else why)
        rows = []
        if state.origin is not None and numbers is not None:
            rows.append(_table_row(f"{state.origin.model} (its own)", numbers))
        found = [e for e in self._results.values() if e.key == state.measurement_key]
        rows += [_table_row(Path(e.model).name, e.evaluation) for e in found]
        self.table.setRowCount(len(rows))
        for at, row in enumerate(rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(at, column, item)

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, OtherModelEvaluated):
            self._results[(reply.model, reply.key)] = reply
            self.refresh()

    def _browse_model(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Choose a model folder")
        if path:
            self.model_field.setText(str(Path(path)))


def _table_row(name: str, numbers: dict[str, Any]) -> list[str]:
    value, metric = numbers["faithfulness"], numbers["metric"]
    band = "" if value["low"] is None else f"{value['low']:.3f} to {value['high']:.3f}"
    told = "undefined" if value["value"] is None else f"{value['value']:.3f}"
    return [name, told, band, *(f"{metric[k]:.3f}" for k in ("circuit", "model", "ablated"))]
