"""Training panel: trains an SAE or transcoder on the open model and shows its loss curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz import training
from circuitviz.options import build_options, describe_options
from circuitviz.panels.features.explanation_store import user_data_folder
from circuitviz.panels.figures import choose_plot_to_export
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.scene.theme import Theme
from circuitviz.workbench.requests.messages import JobFailed, Reply
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.train_dictionary import TrainDictionary, TrainingProgress
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
    order=3.5,
    height=400,
    hidden=True,
)
class TrainingPanel(Panel):
    """A stopped training continues from its checkpoint when it is started again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.finished_training: TrainingProgress | None = None
        self.history: tuple[training.TrainingPoint, ...] = ()
        self._train_request: TrainDictionary | None = None
        self.site_box = QComboBox(accessibleName="Site")
        self.text_field = QLineEdit(accessibleName="Text file")
        self.folder_field = QLineEdit(
            str(user_data_folder() / "dictionaries"), accessibleName="Folder to write to"
        )
        self.recipe_form = OptionForm()
        self.charts = {name: ChartView(is_compact=True) for name in TRAINING_CURVES}
        self.note_label = QLabel("SAE on attention output (a) or transcoder of an MLP (m).", wordWrap=True)
        self.train_button = QPushButton("Train", objectName="primary")
        self.stop_button = QPushButton(
            "Stop", enabled=False, toolTip="stop and keep a checkpoint; Train continues from it"
        )
        self.export_button = QPushButton("Export…", toolTip="export a curve as a figure or as CSV")
        for name, chart in self.charts.items():
            chart.setAccessibleName(TRAINING_CURVES[name][0])
        self._build()
        self._set_running(False)
        self.train_button.clicked.connect(self.start_training)
        self.export_button.clicked.connect(self._open_export_dialog)
        self.stop_button.clicked.connect(workspace.cancel_jobs)
        workspace.reply_received.connect(self._on_reply)
        workspace.failure_reported.connect(self._on_failed)
        workspace.worker_idle.connect(self._on_idle)
        workspace.model_ready.connect(self.refresh_when_visible(self._on_model_opened))
        workspace.document_opened.connect(self.refresh_when_visible(self._on_model_opened))

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colours."""
        for chart in self.charts.values():
            chart.theme = theme
        self._draw_curves()

    def set_in_front(self, is_in_front: bool) -> None:
        """Fill the form when the panel is first shown: its options need the engine."""
        super().set_in_front(is_in_front)
        if is_in_front and not self.site_box.count():
            self._on_model_opened()

    def start_training(self) -> None:
        """Start the training that the fields describe."""
        self.workspace.run_guarded(self._start_training, title=TrainDictionary.title)

    def _start_training(self) -> None:
        text = Path(self.text_field.text()) if self.text_field.text().strip() else None
        recipe: training.DictionaryRecipe = build_options(
            training.DictionaryRecipe, self.recipe_form.values()
        )
        self._train_request = TrainDictionary(
            self.site_box.currentText(), text, Path(self.folder_field.text()), recipe
        )
        self.note_label.setText("Collecting activations …")
        self._set_running(True)
        self.workspace.submit_request(self._train_request)

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
        self._set_running(self.stop_button.isEnabled())

    def _on_reply(self, reply: Reply) -> None:
        if not isinstance(reply, QueryResult) or reply.query != self._train_request:
            return
        self._set_running(not reply.done)
        if reply.refusal:
            self.note_label.setText(reply.refusal)
            return
        progress: TrainingProgress = reply.result
        self.history = progress.history
        self._draw_curves()
        if progress.history:
            self.note_label.setText(f"Step {progress.history[-1].step:,}: {progress.history[-1]}")
        if progress.figures is not None:
            figures, self.finished_training = progress.figures, progress
            self.note_label.setText(
                f"Written to {progress.folder}. On held-out text: unexplained {figures.unexplained:.3f}, L0 "
                f"{figures.l0:.1f}, dead {figures.dead:.1%}, "
                f"loss recovered {_format_number(figures.recovered)}."
            )

    def _set_running(self, is_running: bool) -> None:
        self.train_button.setEnabled(not is_running and self.workspace.opened_model is not None)
        self.stop_button.setEnabled(is_running)

    def _on_idle(self) -> None:
        """Mark a training that was running as stopped."""
        if self.stop_button.isEnabled():
            self._set_running(False)
            self.note_label.setText(f"{self.note_label.text()} Stopped. Train continues from here.")

    def _on_failed(self, _failed: JobFailed) -> None:
        self._set_running(False)

    def _draw_curves(self) -> None:
        steps = [point.step for point in self.history]
        for name, (title, scale, least) in TRAINING_CURVES.items():
            values = [scale * getattr(point, name) for point in self.history]
            course = {"steps": steps, "values": values, "what": title, "least": least}
            self.charts[name].draw_result("course", course)
        self.export_button.setEnabled(bool(steps))

    def _open_export_dialog(self) -> None:
        pictures = {f"training-{name}": chart for name, chart in self.charts.items()}
        choose_plot_to_export(self, self.workspace, self.export_button, pictures)

    def _build(self) -> None:
        fields = QGridLayout(horizontalSpacing=8, verticalSpacing=8)
        rows: tuple[tuple[str, QWidget, Callable[[], None] | None], ...] = (
            ("Site", self.site_box, None),
            ("Text", self.text_field, self._choose_text),
            ("Folder", self.folder_field, self._choose_folder),
        )
        for row, (title, field, browse) in enumerate(rows):
            fields.addWidget(QLabel(title), row, 0)
            fields.addWidget(field, row, 1)
            if browse is not None:
                tip = f"Choose the {title.lower()}"
                button = QToolButton(text="…", toolTip=tip, accessibleName=tip)
                button.clicked.connect(browse)
                fields.addWidget(button, row, 2)
        inside = QWidget()
        form = QVBoxLayout(inside, spacing=8)
        form.setContentsMargins(12, 8, 12, 4)
        form.addLayout(fields)
        layout = self.recipe_form.layout()
        assert layout is not None
        layout.setContentsMargins(0, 0, 0, 0)  # as far left as the fields above
        fields.setColumnMinimumWidth(0, 56)
        form.addWidget(self.recipe_form)
        form.addStretch(1)
        scroll = VerticalScrollArea(inside)
        fix_scaled_width(scroll, 250)
        right = QVBoxLayout(spacing=2)
        right.setContentsMargins(4, 8, 12, 0)
        for chart in self.charts.values():
            right.addWidget(chart, 1)
        columns = QHBoxLayout(spacing=8)
        columns.addWidget(scroll)
        columns.addLayout(right, 1)
        buttons = QHBoxLayout(spacing=8)
        buttons.setContentsMargins(12, 0, 12, 8)
        buttons.addWidget(self.note_label, 1)
        buttons.addWidget(self.export_button)
        buttons.addWidget(self.stop_button)
        buttons.addWidget(self.train_button)
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(columns, 1)
        whole.addLayout(buttons)

    def _choose_text(self) -> None:
        kinds = "Plain text (*.txt *.md);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Train on a text", "", kinds)
        if path:
            self.text_field.setText(path)

    def _choose_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder to write to"):
            self.folder_field.setText(folder)


def _model_sites(workspace: Workspace) -> list[str]:
    """Sites of the open circuit's model: ``a0``, ``m0``, …."""
    circuit = workspace.state.circuit
    if circuit is None:
        return []
    shape = circuit.graph.shape
    return [f"{kind}{layer}" for layer in range(shape.n_layers) for kind in ("am" if shape.mlp else "a")]


def _format_number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"
