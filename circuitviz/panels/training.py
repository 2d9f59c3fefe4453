"""A dictionary of one's own: what it is trained on, its recipe, and its course as it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

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

from circuitviz.canvas.theme import Theme
from circuitviz.jobs import Failed, Reply, Seen
from circuitviz.jobs.train import TrainDictionary, Training
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.features.place import data_folder
from circuitviz.panels.figures import export_one_of
from circuitviz.panels.option_form import OptionForm
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.room import Column, keep_wide

if TYPE_CHECKING:
    from circuitviz.features.training import Point

COURSES = {  # of a point: its title, its factor, the least range that is shown
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
    """Stopped, a training goes on where it was when it is started again."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.trained: Training | None = None
        self.course: tuple[Point, ...] = ()
        self._asked: TrainDictionary | None = None
        self.site = QComboBox(accessibleName="Site")
        self.text = QLineEdit(accessibleName="Text file")
        self.folder = QLineEdit(str(data_folder() / "dictionaries"), accessibleName="Folder to write to")
        self.form = OptionForm()
        self.charts = {name: Chart(compact=True) for name in COURSES}
        self.note = QLabel("An SAE on attention (a) or a transcoder of the MLP (m).", wordWrap=True)
        self.start = QPushButton("Train", objectName="primary")
        self.stop = QPushButton("Stop", enabled=False, toolTip="its state is kept; Train goes on from there")
        self.export = QPushButton("Export…", toolTip="a curve as a figure, its numbers as CSV")
        for name, chart in self.charts.items():
            chart.setAccessibleName(COURSES[name][0])
        self._build()
        self._run(False)
        self.start.clicked.connect(self.train)
        self.export.clicked.connect(self._ask_export)
        self.stop.clicked.connect(desk.cancel)
        desk.arrived.connect(self._arrived)
        desk.failed.connect(self._failed)
        desk.idle.connect(self._stopped)
        desk.ready.connect(self.when_seen(self._model_came))
        desk.document_opened.connect(self.when_seen(self._model_came))

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        for chart in self.charts.values():
            chart.theme = theme
        self._draw()

    def set_seen(self, seen: bool) -> None:
        """The form is there when somebody looks: what it offers comes with the engine."""
        super().set_seen(seen)
        if seen and not self.site.count():
            self._model_came()

    def train(self) -> None:
        """Ask for the training that the fields describe."""
        self.desk.guarded(self._train)

    def _train(self) -> None:
        from circuitviz.features.training import Recipe
        from circuitviz.options import build

        text = Path(self.text.text()) if self.text.text().strip() else None
        recipe: Recipe = build(Recipe, self.form.values())
        self._asked = TrainDictionary(self.site.currentText(), text, Path(self.folder.text()), recipe)
        self.note.setText("Collecting activations …")
        self._run(True)
        self.desk.ask(self._asked)

    def _model_came(self) -> None:
        """Offer the sites of the model that is open; a recipe that was typed stays."""
        opened = self.desk.opened
        if opened is None:
            return self._run(False)
        from circuitviz.features.training import Recipe
        from circuitviz.options import describe

        if not self.form.fields:
            self.form.set_options(describe(Recipe))
        sites, before = _sites(self.desk), self.site.currentText()
        self.site.clear()
        self.site.addItems(sites)
        if before in sites:
            self.site.setCurrentText(before)
        self.text.setPlaceholderText("the demo’s own text" if opened.model == "demo" else "a text file")
        self._run(self.stop.isEnabled())

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Seen) or reply.look != self._asked:
            return
        self._run(not reply.done)
        if reply.why:
            self.note.setText(reply.why)
            return
        found: Training = reply.result
        self.course = found.course
        self._draw()
        if found.course:
            self.note.setText(f"Step {found.course[-1].step:,}: {found.course[-1]}")
        if found.figures is not None:
            told, self.trained = found.figures, found
            self.note.setText(
                f"Written to {found.folder}. On held-out text: unexplained {told.unexplained:.3f}, L0 "
                f"{told.l0:.1f}, dead {told.dead:.1%}, loss recovered {_number(told.recovered)}."
            )

    def _run(self, running: bool) -> None:
        self.start.setEnabled(not running and self.desk.opened is not None)
        self.stop.setEnabled(running)

    def _stopped(self) -> None:
        """Nothing runs any more; where a training did, it was stopped."""
        if self.stop.isEnabled():
            self._run(False)
            self.note.setText(f"{self.note.text()} Stopped: Train goes on from here.")

    def _failed(self, _failed: Failed) -> None:
        self._run(False)

    def _draw(self) -> None:
        steps = [point.step for point in self.course]
        for name, (title, scale, least) in COURSES.items():
            values = [scale * getattr(point, name) for point in self.course]
            course = {"steps": steps, "values": values, "what": title, "least": least}
            self.charts[name].draw("course", course)
        self.export.setEnabled(bool(steps))

    def _ask_export(self) -> None:
        pictures = {f"training-{name}": chart for name, chart in self.charts.items()}
        export_one_of(self, self.desk, self.export, pictures)

    def _build(self) -> None:
        fields = QGridLayout(horizontalSpacing=8, verticalSpacing=8)
        rows: tuple[tuple[str, QWidget, Callable[[], None] | None], ...] = (
            ("Site", self.site, None),
            ("Text", self.text, self._browse_text),
            ("Folder", self.folder, self._browse_folder),
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
        layout = self.form.layout()
        assert layout is not None
        layout.setContentsMargins(0, 0, 0, 0)  # as far left as the fields above
        fields.setColumnMinimumWidth(0, 56)
        form.addWidget(self.form)
        form.addStretch(1)
        scroll = Column(inside)
        keep_wide(scroll, 250)
        right = QVBoxLayout(spacing=2)
        right.setContentsMargins(4, 8, 12, 0)
        for chart in self.charts.values():
            right.addWidget(chart, 1)
        both = QHBoxLayout(spacing=8)
        both.addWidget(scroll)
        both.addLayout(right, 1)
        buttons = QHBoxLayout(spacing=8)
        buttons.setContentsMargins(12, 0, 12, 8)
        buttons.addWidget(self.note, 1)
        buttons.addWidget(self.export)
        buttons.addWidget(self.stop)
        buttons.addWidget(self.start)
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(both, 1)
        whole.addLayout(buttons)

    def _browse_text(self) -> None:
        kinds = "Plain text (*.txt *.md);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Train on a text", "", kinds)
        if path:
            self.text.setText(path)

    def _browse_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder to write to"):
            self.folder.setText(folder)


def _sites(desk: Desk) -> list[str]:
    """The sites of the open circuit's model."""
    circuit = desk.state.circuit
    if circuit is None:
        return []
    shape = circuit.graph.shape
    return [f"{part}{layer}" for layer in range(shape.n_layers) for part in ("am" if shape.mlp else "a")]


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"
