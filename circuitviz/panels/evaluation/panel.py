"""Evaluation panel: every measure with its options, its plot and the command that repeats it."""

from __future__ import annotations

import shlex
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.panels.figures import open_plot_dialog
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.scene.theme import Theme
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.compute_measure import ComputeMeasure, MeasureResult
from circuitviz.workbench.requests.load_choices import Choices
from circuitviz.workbench.requests.messages import ProgressReported, Reply
from circuitviz.workspace.workspace import Workspace

WITHOUT_INTERVENTIONS = "same edges, with unmodified nodes"


@panels.register(
    "evaluation", summary="measures of the circuit", title="Evaluation", area="bottom", order=2, height=340
)
class EvaluationPanel(Panel):
    """Chooses a measure, runs it in the background and plots it.

    Results are kept with the document; one of an earlier state of the circuit is marked as such.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.measure_box = QComboBox(accessibleName="Measure")
        self.option_form = OptionForm()
        self.description_label = QLabel("", objectName="muted", wordWrap=True)
        self.run_button = QPushButton("Measure", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.chart = ChartView()
        self.chart.setAccessibleName("Plot of the measure")
        self.message_label = QLabel("", objectName="muted")
        self.copy_button = QPushButton(
            "Copy command", toolTip="copy the command line that reproduces this measure"
        )
        self.export_button = QPushButton(
            "Export…", toolTip="export the plot as a figure, or its numbers as CSV"
        )
        self.fade_button = QPushButton(
            "Show on canvas",
            checkable=True,
            toolTip="opacity of each edge: how stable it is under resampling",
        )
        self._choices = Choices()
        self._is_running = False
        self._build()
        self.measure_box.currentTextChanged.connect(self._on_measure_chosen)
        self.run_button.clicked.connect(self.start_measure)
        self.cancel_button.clicked.connect(workspace.cancel_jobs)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.evaluate_command()))
        self.export_button.clicked.connect(self._export_chart)
        self.fade_button.toggled.connect(self._fade_by_stability)
        self.chart.hover_text_changed.connect(self._show_message)
        self.chart.nodes_clicked.connect(lambda nodes: workspace.set_selection(frozenset(nodes), frozenset()))
        workspace.catalog_received.connect(self._set_choices)
        workspace.reply_received.connect(self._on_reply)
        workspace.progress_reported.connect(self._on_progress)
        workspace.worker_idle.connect(self._on_idle)
        workspace.state_changed.connect(self.refresh_when_visible(self.show_result))
        workspace.document_opened.connect(self._on_document_opened)
        self._on_idle()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme = theme
        self.show_result()

    def start_measure(self) -> None:
        """Compute the chosen measure of the current circuit."""
        state = self.workspace.document.state
        if state.live_circuit is None or not self.measure_box.currentText():
            return
        origin, trial = state.origin, PromptEvaluationRequest.from_state(state)
        self._is_running = True
        self.run_button.setEnabled(False)
        self.cancel_button.setEnabled(True)
        self.workspace.submit_request(
            ComputeMeasure(
                self.measure_box.currentText(),
                self.option_form.values(),
                state.unintervened_key if trial is None else state.measurement_key,
                state.live_circuit,
                state.scores,
                origin.select if origin else "greedy",
                origin.requested if origin else None,
                state.named_node_sets,
                tuple(sorted(self.workspace.selected_nodes - {"logits"})),
                trial,
                self.workspace.device,
                state.requirements,
            )
        )

    def evaluate_command(self) -> str:
        """The command line that repeats the measure with the options shown."""
        name, path = self.measure_box.currentText(), self.workspace.document.path
        parts = ["circuitviz", "evaluate", str(path or "circuit.circuit"), "--measures", name]
        found = self.workspace.document.measures.get(name)
        values = dict(found["options"]) if found else self.option_form.values()
        if values.get("nodes") == "selection" and found and "ablated" in found["result"]:
            values["nodes"] = ",".join(found["result"]["ablated"])  # files of before do not name them
        for option, value in values.items():
            parts += [f"--{name}-{option.replace('_', '-')}", str(value)]
        return shlex.join(parts)

    def show_result(self) -> None:
        """Draw the result of the chosen measure."""
        name = self.measure_box.currentText()
        found = self.workspace.document.measures.get(name)
        self.chart.draw_result(name, None if found is None else found["result"])
        self._show_description()
        self.export_button.setEnabled(found is not None)
        self.fade_button.setVisible(name == "stability")
        self.fade_button.setEnabled(found is not None)
        self._show_message("")

    def _on_document_opened(self) -> None:
        """Show the edges of another document without opacity."""
        with QSignalBlocker(self.fade_button):
            self.fade_button.setChecked(False)
        self.show_result()

    def _build(self) -> None:
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(12, 8, 12, 4)
        form.addWidget(self.measure_box)
        form.addWidget(self.description_label)
        form.addWidget(self.option_form)
        form.addStretch(1)
        scroll = VerticalScrollArea(inside)
        buttons = QHBoxLayout(spacing=6)
        buttons.setContentsMargins(12, 4, 12, 8)
        buttons.addWidget(self.run_button, 1)
        buttons.addWidget(self.cancel_button)
        left = QVBoxLayout(spacing=0)
        left.addWidget(scroll, 1)
        left.addLayout(buttons)
        side = QWidget()
        side.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        fix_scaled_width(side, 236)
        foot = QHBoxLayout(spacing=6)
        foot.setContentsMargins(8, 0, 12, 8)
        foot.addWidget(self.message_label, 1)
        for button in (self.fade_button, self.copy_button, self.export_button):
            foot.addWidget(button)
        right = QVBoxLayout(spacing=2)
        right.addWidget(self.chart, 1)
        right.addLayout(foot)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(side)
        whole.addLayout(right, 1)

    def _set_choices(self, choices: Choices) -> None:
        self._choices = choices
        chosen = self.measure_box.currentText()
        self.measure_box.clear()
        self.measure_box.addItems(list(choices.measures))
        if chosen:
            self.measure_box.setCurrentText(chosen)
        self._on_measure_chosen(self.measure_box.currentText())

    def _on_measure_chosen(self, name: str) -> None:
        self.option_form.set_options(self._choices.measures.get(name, ("", ()))[1])
        self.show_result()

    def _show_description(self) -> None:
        """Describe the measure, or say why it does not apply to this kind of circuit."""
        name = self.measure_box.currentText()
        kind = "features" if self.workspace.document.state.is_prompt_circuit else "heads"
        why = self._choices.inapplicable_measures.get(kind, {}).get(name, "")
        self.description_label.setText(why or self._choices.measures.get(name, ("", ()))[0])
        self.option_form.setVisible(bool(self.option_form.fields) and not why)
        self.run_button.setEnabled(
            self.workspace.state.circuit is not None and not self._is_running and not why
        )

    def _on_reply(self, reply: Reply) -> None:
        if not isinstance(reply, MeasureResult):
            return
        if reply.measure == self.measure_box.currentText():
            self.show_result()
        if reply.done:  # whatever else runs now
            self._on_idle()

    def _show_message(self, text: str) -> None:
        """Describe the plot, or the item under the pointer."""
        name = self.measure_box.currentText()
        found: dict[str, Any] | None = self.workspace.document.measures.get(name)
        if not text and found is None:
            text = "not measured yet" if self.workspace.state.circuit is not None else ""
        elif not text and found is not None:
            parts = []
            state = self.workspace.document.state
            if found["key"] != state.measurement_key:
                plain = found["key"] == state.unintervened_key
                parts.append(WITHOUT_INTERVENTIONS if plain else "measured before the circuit changed")
            if not found["done"]:
                parts.append("not finished")
            text = ", ".join(parts)
        self.message_label.setText(text)

    def _on_progress(self, moved: ProgressReported) -> None:
        if self._is_running and moved.title.endswith(self.measure_box.currentText()):
            self.cancel_button.setEnabled(True)

    def _on_idle(self) -> None:
        self._is_running = False
        self._show_description()
        if self.cancel_button.hasFocus():  # else the keys go on to the plot, which would read itself out
            self.run_button.setFocus()
        self.cancel_button.setEnabled(False)

    def _fade_by_stability(self, on: bool) -> None:
        found = self.workspace.document.measures.get("stability")
        self.workspace.set_edge_opacity(dict(found["result"]["edges"]) if on and found else None)

    def _export_chart(self) -> None:
        open_plot_dialog(
            self, self.workspace, self.chart, self.measure_box.currentText(), self.evaluate_command()
        )
