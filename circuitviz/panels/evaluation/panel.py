"""Evaluation panel: every measure with its options, its plot and the command that repeats it."""

from __future__ import annotations

import shlex
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from circuitviz.panels.figures import ExportButton
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.compute_measure import ComputeMeasure
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workspace.comparison_set import RIVALS
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

WITHOUT_INTERVENTIONS = "same edges, with unmodified nodes"


@panels.register(
    "evaluation",
    summary="measures of the circuit",
    title="Evaluation",
    area="bottom",
    place="evaluate",
    order=2,
)
class EvaluationPanel(Panel):
    """Chooses a measure, runs it in the background and plots it.

    Results are kept with the document; one of an earlier state of the circuit is marked as such.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.measure_box = ComboBox(accessibleName="Measure")
        self.option_form = OptionForm()
        self.description_label = QLabel("", objectName="muted", wordWrap=True)
        self.form_check = FormCheck(workspace, self._find_check)
        self.run_button = QPushButton("Measure", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.chart = ChartView("Plot of the measure")
        self.message_label = QLabel("", objectName="muted")
        self.copy_button = QPushButton(
            "Copy command", toolTip="copy the command line that reproduces this measure"
        )
        self.export_button = ExportButton(
            workspace, lambda: {self.measure_box.currentText(): self.chart}, self.evaluate_command
        )
        self.fade_button = QPushButton(
            "Show on canvas",
            checkable=True,
            toolTip="opacity of each edge: how stable it is under resampling",
        )
        self.rival_box = ComboBox(
            accessibleName="Rival on canvas",
            toolTip="draw a rival and this circuit together: what both have, and what only one has",
        )
        self._catalog = Catalog()
        self._job = LatestJob(workspace, self)
        self._build()
        self.measure_box.currentTextChanged.connect(self._on_measure_chosen)
        self.run_button.clicked.connect(self.start_measure)
        self.option_form.values_changed.connect(self.form_check.request_later)
        for signal in (workspace.selection_changed, workspace.state_changed):
            signal.connect(self.refresh_when_visible(self.form_check.request_later))
        self.cancel_button.clicked.connect(self._job.cancel)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.evaluate_command()))
        self.fade_button.toggled.connect(self._fade_by_stability)
        self.rival_box.activated.connect(self._overlay_rival)
        self.chart.hover_text_changed.connect(self._show_message)
        self.chart.nodes_clicked.connect(workspace.select_nodes)
        workspace.catalog_received.connect(self._set_catalog)
        workspace.measure_stored.connect(self._on_measure_stored)
        self._job.running_changed.connect(self._on_running_changed)
        workspace.state_changed.connect(self.refresh_when_visible(self.show_result))
        workspace.document_opened.connect(self._on_document_opened)
        self._on_running_changed(False)

    def missing_step(self) -> MissingStep | None:
        """Measures run an open model."""
        return model_step(self.workspace, "Measures")

    def start_measure(self) -> None:
        """Compute the chosen measure of the current circuit."""
        if (request := self._find_request()) is not None:
            self._job.submit(request)

    def _find_request(self) -> ComputeMeasure | None:
        """The measure that the form describes; None where there is no circuit to measure."""
        state = self.workspace.document.state
        if state.live_circuit is None or not self.measure_box.currentText():
            return None
        origin, trial = state.origin, PromptEvaluationRequest.from_state(state)
        return ComputeMeasure(
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

    def _find_check(self) -> CheckInput | None:
        request = self._find_request()
        is_open = self.workspace.opened_model is not None
        return CheckInput(request) if request is not None and is_open and self.is_in_view else None

    def set_in_front(self, is_in_front: bool) -> None:
        """Check the form: what it is about may have changed meanwhile."""
        super().set_in_front(is_in_front)
        if is_in_front:
            self.form_check.request_later()

    def evaluate_command(self) -> str:
        """The command line that repeats the measure with the options shown."""
        name, path = self.measure_box.currentText(), self.workspace.document.path
        parts = ["circuitviz", "evaluate", str(path or "circuit.circuit"), "--measures", name]
        measure = self.workspace.document.measures.get(name)
        values = dict(measure["options"]) if measure else self.option_form.values()
        if values.get("nodes") == "selection" and measure and "ablated" in measure["result"]:
            values["nodes"] = ",".join(measure["result"]["ablated"])  # files of before do not name them
        for option, value in values.items():
            parts += [f"--{name}-{option.replace('_', '-')}", str(value)]
        return shlex.join(parts)

    def show_result(self) -> None:
        """Draw the result of the chosen measure."""
        name = self.measure_box.currentText()
        measure = self.workspace.document.measures.get(name)
        self.chart.draw_result(name, None if measure is None else measure["result"])
        self._show_description()
        self.export_button.setEnabled(measure is not None)
        self.fade_button.setVisible(name == "stability")
        self.fade_button.setEnabled(measure is not None)
        self._list_rivals()
        self._show_message("")

    def _on_document_opened(self) -> None:
        """Show the edges of another document without opacity."""
        with QSignalBlocker(self.fade_button):
            self.fade_button.setChecked(False)
        self._list_measures()
        self.show_result()

    def _build(self) -> None:
        content = QWidget()
        lay_out_column(
            self.measure_box,
            self.description_label,
            self.option_form,
            1,
            parent=content,
            margins=(12, 8, 12, 4),
        )
        scroll = VerticalScrollArea(content)
        run_row = lay_out_row((self.run_button, 1), self.cancel_button, spacing=6, margins=(12, 4, 12, 8))
        left = QVBoxLayout(spacing=0)
        left.addWidget(scroll, 1)
        left.addLayout(lay_out_row((self.form_check, 1), margins=(12, 0, 12, 0)))
        left.addLayout(run_row)
        side = QWidget()
        side.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        fix_scaled_width(side, 236)
        buttons = QWidget()
        lay_out_row(
            1,
            self.fade_button,
            self.rival_box,
            self.copy_button,
            self.export_button,
            parent=buttons,
            spacing=6,
        )
        foot = FoldingRow(self.message_label, buttons, stretches=(1, 0), spacing=6, margins=(8, 0, 12, 8))
        right = lay_out_column((self.chart, 1), foot, spacing=2)
        lay_out_row(side, (right, 1), parent=self, spacing=0)

    def _set_catalog(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._list_measures()

    def _list_measures(self) -> None:
        """List the measures that apply to circuits of this kind; the current choice is kept among them."""
        kind = "features" if self.workspace.document.state.is_prompt_circuit else "heads"
        refusals = self._catalog.inapplicable_measures.get(kind, {})
        names = [name for name in self._catalog.measures if name not in refusals]
        if names == [self.measure_box.itemText(row) for row in range(self.measure_box.count())]:
            return
        current_measure = self.measure_box.currentText()
        with QSignalBlocker(self.measure_box):
            self.measure_box.clear()
            self.measure_box.addItems(names)
            if current_measure in names:
                self.measure_box.setCurrentText(current_measure)
        self._on_measure_chosen(self.measure_box.currentText())

    def _on_measure_chosen(self, name: str) -> None:
        self.option_form.set_options(self._catalog.measures.get(name, ("", ()))[1])
        self.form_check.request_later()
        self.show_result()

    def _show_description(self) -> None:
        """Describe the measure."""
        summary, _ = self._catalog.measures.get(self.measure_box.currentText(), ("", ()))
        self.description_label.setText(summary)
        self.option_form.setVisible(bool(self.option_form.fields))
        self.run_button.setEnabled(self.workspace.state.circuit is not None and not self._job.is_running)

    def _on_measure_stored(self, name: str) -> None:
        if name == self.measure_box.currentText():
            self.show_result()

    def _show_message(self, text: str) -> None:
        """Describe the plot, or the item under the pointer."""
        name = self.measure_box.currentText()
        measure: dict[str, Any] | None = self.workspace.document.measures.get(name)
        if not text and measure is None:
            text = "not measured yet" if self.workspace.state.circuit is not None else ""
        elif not text and measure is not None:
            parts = []
            state = self.workspace.document.state
            if measure["key"] != state.measurement_key:
                is_unintervened = measure["key"] == state.unintervened_key
                parts.append(
                    WITHOUT_INTERVENTIONS if is_unintervened else "measured before the circuit changed"
                )
            if not measure["done"]:
                parts.append("not finished")
            text = ", ".join(parts)
        self.message_label.setText(text)

    def _on_running_changed(self, is_running: bool) -> None:
        self._show_description()
        if not is_running and self.cancel_button.hasFocus():
            self.run_button.setFocus()  # else the keys go on to the plot, which would read itself out
        self.cancel_button.setEnabled(is_running)

    def _list_rivals(self) -> None:
        """Offer the rivals for the canvas."""
        comparison = self.workspace.comparison
        names = list(comparison.rival_documents) if self.measure_box.currentText() == RIVALS else []
        with QSignalBlocker(self.rival_box):
            self.rival_box.clear()
            self.rival_box.addItems(["Show on canvas…", *names])
            if comparison.is_overlaid:
                self.rival_box.setCurrentIndex(max(0, self.rival_box.findText(comparison.chosen_name)))
        self.rival_box.setVisible(bool(names))

    def _overlay_rival(self, row: int) -> None:
        """Draw the rival of a row with the circuit; the first row draws the circuit alone."""
        if row == 0:
            self.workspace.comparison.set_overlaid(False)
        else:
            self.workspace.comparison.overlay_circuit(self.rival_box.itemText(row))

    def _fade_by_stability(self, is_faded: bool) -> None:
        measure = self.workspace.document.measures.get("stability")
        self.workspace.set_edge_opacity(dict(measure["result"]["edges"]) if is_faded and measure else None)
