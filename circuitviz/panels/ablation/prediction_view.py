"""Chart of each node's effect on the target as attribution predicts it against the measured effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from circuitviz.panels.figures import open_plot_dialog
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.compute_measure import ComputeMeasure, MeasureResult
from circuitviz.workbench.requests.messages import ProgressReported, Reply

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
        self.nodes_box = QComboBox(accessibleName="Nodes to compare")
        self.nodes_box.addItems([ALL_NODES, SELECTED_NODES])
        self.response_box = QComboBox(accessibleName="How the model responds")
        self.response_box.addItems(["free", "frozen"])
        self.response_box.setToolTip(
            "free: the full model; frozen: attention patterns, normalisation scales and active features stay"
        )
        self.compare_button = QPushButton(
            "Compare", toolTip="ablate one node at a time and measure the target"
        )
        self.cancel_button = QPushButton("Cancel", visible=False)
        self.export_button = QPushButton(
            "Export…", toolTip="export the plot as SVG, PDF or PNG, or its numbers as CSV"
        )
        self.chart = ChartView()
        self.chart.setAccessibleName("Predicted against measured")
        self.note_label = QLabel("", objectName="muted")
        self._is_running = False
        self._redraw_timer = QTimer(self, singleShot=True, interval=REDRAW_INTERVAL_MS)
        self._redraw_timer.timeout.connect(self.show_state)
        self._build()
        self.compare_button.clicked.connect(self.compare_nodes)
        self.cancel_button.clicked.connect(workspace.cancel_jobs)
        self.export_button.clicked.connect(self._open_export_dialog)
        self.chart.hover_text_changed.connect(self._show_note)
        self.chart.nodes_clicked.connect(lambda nodes: workspace.set_selection(frozenset(nodes), frozenset()))
        workspace.reply_received.connect(self._on_reply)
        workspace.progress_reported.connect(self._on_progress)
        workspace.worker_idle.connect(self._on_idle)

    def compare_nodes(self) -> None:
        """Measure each node of the circuit, or each selected one."""
        trial, state = (
            PromptEvaluationRequest.from_state(self.workspace.document.state),
            self.workspace.document.state,
        )
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
        self._is_running = True
        self._update_buttons()
        self.note_label.setText("predicting…")
        self.workspace.submit_request(
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
        self.compare_button.setEnabled(is_available and not self._is_running)
        self.compare_button.setVisible(not self._is_running)
        self.cancel_button.setVisible(self._is_running)
        self.export_button.setEnabled(self._measure is not None)

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, MeasureResult) and reply.measure == MEASURE_NAME:
            self._is_running = self._is_running and not reply.done
            if reply.done:
                self._redraw_timer.stop()
                self.show_state()
            elif self.isVisible() and not self._redraw_timer.isActive():
                self._redraw_timer.start()

    def _on_progress(self, progress: ProgressReported) -> None:
        if self._is_running and progress.title.endswith(MEASURE_NAME):
            self.note_label.setText(f"measuring {progress.message}")

    def _on_idle(self) -> None:
        self._is_running = False
        self._update_buttons()

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

    def _open_export_dialog(self) -> None:
        open_plot_dialog(self, self.workspace, self.chart, MEASURE_NAME)

    def _build(self) -> None:
        head = QHBoxLayout(spacing=6)
        for widget in (self.nodes_box, self.response_box, self.compare_button, self.cancel_button):
            head.addWidget(widget)
        head.addStretch(1)
        self.note_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        foot = QHBoxLayout(spacing=6)
        foot.addWidget(self.note_label, 1)
        foot.addWidget(self.export_button)
        for box, letters in ((self.nodes_box, 8), (self.response_box, 5)):
            box.setMinimumContentsLength(letters)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        layout = QVBoxLayout(self, spacing=4)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addLayout(head)
        layout.addWidget(self.chart, 1)
        layout.addLayout(foot)
