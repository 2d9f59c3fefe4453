"""Training panel: trains an SAE or transcoder on the open model and shows its loss curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz import training
from circuitviz.number_text import decimal_number
from circuitviz.options import build_options, describe_options
from circuitviz.panels.features.explanation_store import user_data_folder
from circuitviz.panels.figures import ExportButton
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.fields import browse_button
from circuitviz.panels.widgets.file_dialogs import ask_folder, ask_open_file
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.panels.widgets.path_faults import new_folder_fault, text_file_fault
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.messages import ProgressReported
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.train_dictionary import TrainDictionary
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

TRAINING_CURVES = {  # of a point: its title, its factor, the least range that is shown
    "loss": ("Unexplained variance", 1, 0.1),
    "l0": ("Features per token (L0)", 1, 1),
    "dead": ("Dead features (%)", 100, 10),
}


@panels.register(
    "training",
    summary="train a dictionary",
    title="Training",
    area="bottom",
    place="features",
    order=3.5,
)
class TrainingPanel(Panel):
    """A stopped training continues from its checkpoint when it is started again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.finished_training: training.FolderTraining | None = None
        self.history: training.TrainingHistory = {}
        self._job = LatestJob(workspace, self)
        self.site_box = ComboBox(accessibleName="Sites", editable=True)
        self.site_box.setToolTip(
            "One site, several with commas (a1, m1), or cross-layer: one transcoder of the MLPs of all layers"
        )
        self.text_field = QLineEdit(accessibleName="Text file")
        self.folder_field = QLineEdit(
            str(user_data_folder() / "dictionaries"), accessibleName="Folder to write to"
        )
        self.recipe_form = OptionForm()
        self.charts = {
            name: ChartView(title, is_compact=True) for name, (title, _, _) in TRAINING_CURVES.items()
        }
        self.note_label = QLabel(
            "SAEs on attention outputs (a), transcoders of MLPs (m), several with commas, or one cross-layer "
            "transcoder.",
            wordWrap=True,
        )
        self.form_check = FormCheck(workspace, self._find_check)
        self.train_button = QPushButton("Train", objectName="primary")
        self.stop_button = QPushButton(
            "Stop", enabled=False, toolTip="stop; what is trained so far is written, and Train continues"
        )
        self.export_button = ExportButton(
            workspace, lambda: {f"training-{name}": chart for name, chart in self.charts.items()}
        )
        self._build()
        self._set_running(False)
        self.train_button.clicked.connect(self.start_training)
        for field in (self.text_field, self.folder_field):
            field.textChanged.connect(self._on_path_changed)
        self.site_box.currentTextChanged.connect(self._on_path_changed)
        self.stop_button.clicked.connect(self._job.cancel)
        self._job.progressed.connect(self._on_message)
        self._job.received.connect(self._on_progress)
        self._job.cancelled.connect(self._on_cancelled)
        self._job.running_changed.connect(self._set_running)
        workspace.model_ready.connect(self.refresh_when_visible(self._on_model_opened))
        workspace.document_opened.connect(self.refresh_when_visible(self._on_model_opened))

    def set_in_front(self, is_in_front: bool) -> None:
        """Fill the form when the panel is first shown: its options need the engine."""
        super().set_in_front(is_in_front)
        if is_in_front and not self.site_box.count():
            self._on_model_opened()

    def is_applicable(self) -> bool:
        """Whether a training runs or has run; before, the panel is shown when it is asked for."""
        return self._job.is_running or bool(self.history)

    def missing_step(self) -> MissingStep | None:
        """A dictionary is trained on an open model."""
        return model_step(self.workspace, "Dictionaries")

    def start_training(self) -> None:
        """Start the training that the fields describe."""
        self.workspace.run_guarded(self._start_training, title=TrainDictionary.title)

    def _start_training(self) -> None:
        request = self._build_request()
        self.note_label.setText("Reading the text …")
        self._job.submit(request)

    def _build_request(self) -> TrainDictionary:
        text = Path(self.text_field.text()).expanduser() if self.text_field.text().strip() else None
        recipe: training.DictionaryRecipe = build_options(
            training.DictionaryRecipe, self.recipe_form.values()
        )
        folder = Path(self.folder_field.text()).expanduser()
        return TrainDictionary(self.site_box.currentText().replace(" ", ""), text, folder, recipe)

    def _find_check(self) -> CheckInput | str | None:
        if fault := self._path_fault():
            return fault
        can_check = self.workspace.opened_model is not None and self.is_in_view
        return CheckInput(self._build_request()) if can_check and self.site_box.currentText() else None

    def _on_model_opened(self) -> None:
        """Offer the sites of the open model; an edited recipe is kept."""
        opened = self.workspace.opened_model
        if opened is None:
            return self._set_running(False)
        if not self.recipe_form.fields:
            self.recipe_form.set_options(describe_options(training.DictionaryRecipe))
        sites, previous = _model_sites(self.workspace), self.site_box.currentText()
        self.site_box.clear()
        self.site_box.addItems(sites)
        if previous in sites:
            self.site_box.setCurrentText(previous)
        self.text_field.setPlaceholderText("text of the demo" if opened.model == "demo" else "a text file")
        self._set_running(self._job.is_running)

    def _on_message(self, report: ProgressReported) -> None:
        self.note_label.setText(f"{report.fraction:.0%} · {report.message}" if report.message else "")

    def _on_progress(self, reply: QueryResult) -> None:
        if reply.refusal:
            self.note_label.setText(reply.refusal)
            return
        progress: training.FolderTraining = reply.result
        if progress.history != self.history:
            self.history = progress.history
            self._draw_curves()
        if not progress.folders:
            return
        folder = next(iter(progress.folders.values()))
        if len(progress.folders) > 1:
            folder = folder.parent
        if progress.quality or progress.cross_layer_quality:
            self.finished_training = progress
            self.note_label.setText(f"Written to {folder}. On held-out text: {_describe_quality(progress)}.")
        else:
            self.note_label.setText(f"Written to {folder}. Measuring on held-out text …")

    def _on_path_changed(self) -> None:
        self.form_check.request_later()
        self._set_running(self._job.is_running)

    def _path_fault(self) -> str:
        text, folder = self.text_field.text().strip(), self.folder_field.text().strip()
        return text_file_fault(text) or new_folder_fault(folder)

    def _set_running(self, is_running: bool) -> None:
        can_train = self.workspace.opened_model is not None and not self._path_fault()
        self.train_button.setEnabled(not is_running and can_train)
        self.stop_button.setEnabled(is_running)

    def _on_cancelled(self) -> None:
        written = f" What is trained so far is in {self.folder_field.text()}." if self.history else ""
        self.note_label.setText(f"Stopped.{written} Train continues from here.")

    def _draw_curves(self) -> None:
        for name, (title, scale, min_range) in TRAINING_CURVES.items():
            curves = {
                site: (
                    [point.step for point in points],
                    [scale * getattr(point, name) for point in points],
                )
                for site, points in self.history.items()
            }
            self.charts[name].draw_result("course", {"curves": curves, "what": title, "least": min_range})
        self.export_button.setEnabled(bool(self.history))

    def _build(self) -> None:
        fields = QGridLayout(horizontalSpacing=8, verticalSpacing=8)
        rows: tuple[tuple[str, QWidget, Callable[[], None] | None], ...] = (
            ("Sites", self.site_box, None),
            ("Text", self.text_field, self._choose_text),
            ("Folder", self.folder_field, self._choose_folder),
        )
        for row, (title, field, browse) in enumerate(rows):
            fields.addWidget(QLabel(title), row, 0)
            fields.addWidget(field, row, 1)
            if browse is not None:
                fields.addWidget(browse_button(f"Choose the {title.lower()}", browse), row, 2)
        content = QWidget()
        layout = self.recipe_form.layout()
        assert layout is not None
        layout.setContentsMargins(0, 0, 0, 0)  # as far left as the fields above
        fields.setColumnMinimumWidth(0, 56)
        lay_out_column(
            fields, self.form_check, self.recipe_form, 1, parent=content, spacing=8, margins=(12, 8, 12, 4)
        )
        scroll = VerticalScrollArea(content)
        fix_scaled_width(scroll, 250)
        right = QVBoxLayout(spacing=2)
        right.setContentsMargins(4, 8, 12, 0)
        for chart in self.charts.values():
            right.addWidget(chart, 1)
        columns = lay_out_row(scroll, (right, 1), spacing=8)
        buttons = lay_out_row(
            (self.note_label, 1),
            self.export_button,
            self.stop_button,
            self.train_button,
            spacing=8,
            margins=(12, 0, 12, 8),
        )
        lay_out_column((columns, 1), buttons, parent=self, spacing=6)

    def _choose_text(self) -> None:
        kinds = "Plain text (*.txt *.md);;All files (*)"
        path = ask_open_file(self, "Train on a text", kinds, "texts", self.workspace.user_settings)
        if path is not None:
            self.text_field.setText(str(path))

    def _choose_folder(self) -> None:
        if folder := ask_folder(self, "Folder to write to", "dictionaries", self.workspace.user_settings):
            self.folder_field.setText(str(folder))


def _model_sites(workspace: Workspace) -> list[str]:
    """Sites of the open circuit's model, ``a0``, ``m0``, …, and ``cross-layer``."""
    circuit = workspace.state.circuit
    if circuit is None:
        return []
    shape = circuit.graph.shape
    parts = "am" if shape.mlp else "a"
    sites = [f"{part}{layer}" for layer in range(shape.n_layers) for part in parts]
    return [*sites, training.CROSS_LAYER] if shape.mlp else sites


def _describe_quality(progress: training.FolderTraining) -> str:
    """Figures on held-out text: of one dictionary, or of several the means."""
    of_layers = progress.cross_layer_quality
    if of_layers is not None:
        columns = of_layers.unexplained, of_layers.l0, of_layers.dead, [of_layers.recovered]
    else:
        rows = [(one.unexplained, one.l0, one.dead, one.recovered) for one in progress.quality.values()]
        columns = tuple(map(list, zip(*rows, strict=True)))  # type: ignore[assignment]
    unexplained, l0, dead, recovered = (sum(column) / len(column) for column in columns)
    mean = f" (means of {len(columns[0])})" if len(columns[0]) > 1 else ""
    return (
        f"unexplained {decimal_number(unexplained, 3)}, L0 {decimal_number(l0, 1)}, dead {dead:.1%}{mean}, "
        f"loss recovered {_format_number(recovered)}"
    )


def _format_number(value: float) -> str:
    return "undefined" if math.isnan(value) else decimal_number(value, 3)
