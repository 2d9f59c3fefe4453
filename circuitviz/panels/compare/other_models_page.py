"""Evaluates the open circuit on other models of the same shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QHeaderView, QLabel, QLineEdit, QPushButton

from circuitviz.number_text import decimal_number
from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.panels.widgets.fields import browse_button
from circuitviz.panels.widgets.file_dialogs import ask_folder
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.path_faults import model_fault
from circuitviz.panels.widgets.tables import TextTable
from circuitviz.workbench.requests.evaluate_on_other_model import EvaluateOnOtherModel, OtherModelEvaluated
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
        self.browse_button = browse_button("Choose a model folder", self._browse_model)
        self.evaluate_button = QPushButton("Evaluate", objectName="primary")
        self.table = TextTable(HEADERS, "Faithfulness of this circuit on other models", row_height_px=24)
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self._results: dict[tuple[str, str], OtherModelEvaluated] = {}
        row = lay_out_row(
            QLabel("Model"),
            self.model_field,
            self.browse_button,
            self.evaluate_button,
            (self.message_label, 1),
            spacing=6,
        )
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        lay_out_column(row, (self.table, 1), parent=self, spacing=6, margins=(0, 6, 0, 0))
        self.evaluate_button.clicked.connect(self.evaluate)
        self.model_field.returnPressed.connect(self.evaluate)
        self.model_field.textChanged.connect(lambda _text: self.refresh())
        workspace.live_faithfulness.changed.connect(lambda _tier: self.refresh())

    def evaluate(self) -> None:
        """Evaluate the circuit on the model that is named in the field."""
        state, name = self.workspace.document.state, self.model_field.text().strip()
        if state.live_circuit is None or state.origin is None or not self.evaluate_button.isEnabled():
            return
        arguments = name, state.live_circuit, state.origin, state.measurement_key
        request = EvaluateOnOtherModel(*arguments, self.workspace.device, state.active_interventions)
        self.workspace.submit_request(request).finished.connect(self._on_evaluated)

    def refresh_now(self) -> None:
        """Show the rows of the current circuit; results of earlier states are not shown."""
        state, evaluation = self.workspace.document.state, self.workspace.document.evaluation
        can_evaluate = (
            state.live_circuit is not None and state.origin is not None and not state.is_prompt_circuit
        )
        name = self.model_field.text().strip()
        fault = model_fault(name) if name else ""
        self.evaluate_button.setEnabled(can_evaluate and bool(name) and not fault)
        refusal = (
            FEATURES_ONLY_HERE
            if state.is_prompt_circuit
            else "Find a circuit, or open a file that records how its circuit was found."
        )
        explanation = "Same circuit, prompts, metric and ablation; another model of the same shape."
        self.message_label.setText((fault or explanation) if can_evaluate else refusal)
        rows = []
        if state.origin is not None and evaluation is not None:
            rows.append(_table_row(f"{state.origin.model} (its own)", evaluation))
        results = [e for e in self._results.values() if e.key == state.measurement_key]
        rows += [_table_row(Path(e.model).name, e.evaluation) for e in results]
        self.table.show_rows(rows)

    def _on_evaluated(self, reply: OtherModelEvaluated) -> None:
        self._results[(reply.model, reply.key)] = reply
        self.refresh()

    def _browse_model(self) -> None:
        if folder := ask_folder(self, "Choose a model folder", "models", self.workspace.user_settings):
            self.model_field.setText(str(folder))


def _table_row(name: str, evaluation: dict[str, Any]) -> list[str]:
    faithfulness, metric = evaluation["faithfulness"], evaluation["metric"]
    interval = (
        ""
        if faithfulness["low"] is None
        else f"{decimal_number(faithfulness['low'], 3)} to {decimal_number(faithfulness['high'], 3)}"
    )
    value_text = "undefined" if faithfulness["value"] is None else decimal_number(faithfulness["value"], 3)
    return [
        name,
        value_text,
        interval,
        *(decimal_number(metric[k], 3) for k in ("circuit", "model", "ablated")),
    ]
