"""Chart of each node's effect on the target as attribution predicts it against the measured effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from circuitviz.panels.figures import ExportButton
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.fields import choice_box, let_shrink
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.compute_measure import ComputeMeasure, MeasureResult
from circuitviz.workbench.requests.messages import ProgressReported
from circuitviz.workspace.latest_job import LatestJob

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace

MEASURE_NAME = "predicted"
REDRAW_INTERVAL_MS = 250  # milliseconds between two drawings while points come
ALL_NODES, SELECTED_NODES = "all nodes", "selected"


class PredictionView(QWidget):
    """Ablates one node at a time in the background and plots the points as they are measured.

    The result is the document's measure ``predicted``, which the Evaluation panel shows too.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.nodes_box = choice_box("Nodes to compare", ALL_NODES, SELECTED_NODES)
        self.response_box = choice_box("How the model responds", "free", "frozen")
        self.response_box.setToolTip(
            "free: the full model; frozen: attention patterns, normalisation scales and active features stay"
        )
        self.compare_button = QPushButton(
            "Compare", toolTip="ablate one node at a time and measure the target"
        )
        self.cancel_button = QPushButton("Cancel", visible=False)
        self.export_button = ExportButton(workspace, lambda: {MEASURE_NAME: self.chart})
        self.chart = ChartView("Predicted against measured")
        self.note_label = QLabel("", objectName="muted")
        self._job = LatestJob(workspace, self)
        self._redraw_timer = QTimer(self, singleShot=True, interval=REDRAW_INTERVAL_MS)
        self._redraw_timer.timeout.connect(self.show_state)
        self._build()
        self.compare_button.clicked.connect(self.compare_nodes)
        self.cancel_button.clicked.connect(self._job.cancel)
        self.chart.hover_text_changed.connect(self._show_note)
        self.chart.nodes_clicked.connect(workspace.select_nodes)
        self._job.received.connect(self._on_points_measured)
        self._job.progressed.connect(self._on_progress)
        self._job.running_changed.connect(lambda _is_running: self._update_buttons())

    def compare_nodes(self) -> None:
        """Measure each node of the circuit, or each selected one."""
        trial = PromptEvaluationRequest.from_state(self.workspace.document.state)
        state = self.workspace.document.state
        if trial is None or state.live_circuit is None:
            return
        scope = "selection" if self.nodes_box.currentText() == SELECTED_NODES else "circuit"
        options = {
            "action": trial.ablation,
            "response": self.response_box.currentText(),
            "errors": trial.errors,
            "nodes": scope,
        }
        selection = tuple(
            sorted(self.workspace.selected_nodes & state.live_circuit.graph.sender_index.keys())
        )
        self.note_label.setText("predicting…")
        self._job.submit(
            ComputeMeasure(
                MEASURE_NAME,
                options,
                state.measurement_key,
                state.live_circuit,
                None,
                selection=selection,
                evaluation_request=trial,
            )
        )

    def show_state(self) -> None:
        """Draw the document's result."""
        self.chart.draw_result(MEASURE_NAME, None if self._measure is None else self._measure["result"])
        self._update_buttons()
        self._show_note("")

    @property
    def _measure(self) -> dict[str, Any] | None:
        return self.workspace.document.measures.get(MEASURE_NAME)

    def _update_buttons(self) -> None:
        is_prompt_circuit = self.workspace.document.state.is_prompt_circuit
        is_available = is_prompt_circuit and self.workspace.opened_model is not None
        self.compare_button.setEnabled(is_available and not self._job.is_running)
        self.compare_button.setVisible(not self._job.is_running)
        self.cancel_button.setVisible(self._job.is_running)
        self.export_button.setEnabled(self._measure is not None)

    def _on_points_measured(self, reply: MeasureResult) -> None:
        if reply.done:
            self._redraw_timer.stop()
            self.show_state()
        elif self.isVisible() and not self._redraw_timer.isActive():
            self._redraw_timer.start()

    def _on_progress(self, progress: ProgressReported) -> None:
        self.note_label.setText(f"measuring {progress.message}")

    def _show_note(self, text: str) -> None:
        measure = self._measure
        if not text and measure is None:
            text = "not compared"
        elif not text and measure is not None:
            old = measure["key"] != self.workspace.document.state.measurement_key
            parts = ["measured before the circuit changed"] * old + ["incomplete"] * (not measure["done"])
            text = ", ".join(parts) or f"one node at a time: {measure['result']['action']}"
        self.note_label.setText(text)
        self.note_label.setToolTip(
            "" if measure is None else f"errors {measure['options'].get('errors', 'kept')}"
        )

    def _build(self) -> None:
        head = lay_out_row(
            self.nodes_box, self.response_box, self.compare_button, self.cancel_button, 1, spacing=6
        )
        self.note_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        foot = lay_out_row((self.note_label, 1), self.export_button, spacing=6)
        for box, letters in ((self.nodes_box, 8), (self.response_box, 5)):
            let_shrink(box, n_letters=letters)
        lay_out_column(head, (self.chart, 1), foot, parent=self, spacing=4, margins=(8, 6, 8, 6))
