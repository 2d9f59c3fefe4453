"""Judging the circuit: every measure with its options, its picture, and the command that repeats it."""

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

from circuitviz.canvas.theme import Theme
from circuitviz.jobs import Choices, Judge, Judged, Moved, Reply
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.figures import export_plot
from circuitviz.panels.option_form import OptionForm
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.room import Column, keep_wide
from circuitviz.session import Trial

AS_IN_MODEL = "of the same edges, with no node scaled or patched"


@panels.register(
    "evaluation", summary="judge the circuit", title="Evaluation", area="bottom", order=2, height=340
)
class EvaluationPanel(Panel):
    """Choose a measure, run it in the background, read its picture.

    What was found stays with the document; a result of an earlier state of the circuit says so.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.measure = QComboBox(accessibleName="Measure")
        self.options = OptionForm()
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.run = QPushButton("Measure", objectName="primary")
        self.stop = QPushButton("Cancel")
        self.chart = Chart()
        self.chart.setAccessibleName("Plot of the measure")
        self.note = QLabel("", objectName="muted")
        self.copy = QPushButton("Copy command", toolTip="the command line that measures this again")
        self.export = QPushButton("Export…", toolTip="the plot as a figure, its table as CSV")
        self.fade = QPushButton(
            "Show on canvas", checkable=True, toolTip="draw each edge as opaque as it is stable"
        )
        self._summaries: dict[str, str] = {}
        self._choices = Choices()
        self._running = False
        self._build()
        self.measure.currentTextChanged.connect(self._chosen)
        self.run.clicked.connect(self.start)
        self.stop.clicked.connect(desk.cancel)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command()))
        self.export.clicked.connect(self._ask_export)
        self.fade.toggled.connect(self._fade)
        self.chart.pointed.connect(self._point)
        self.chart.clicked.connect(lambda nodes: desk.select(frozenset(nodes), frozenset()))
        desk.choices_arrived.connect(self._set_choices)
        desk.arrived.connect(self._arrived)
        desk.progressed.connect(self._moved)
        desk.idle.connect(self._idle)
        desk.state_changed.connect(self.when_seen(self.show_result))
        desk.document_opened.connect(self._opened)
        self._idle()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme = theme
        self.show_result()

    def start(self) -> None:
        """Take the chosen measure of the circuit as it stands."""
        state = self.desk.document.state
        if state.live is None or not self.measure.currentText():
            return
        where, trial = state.provenance, Trial.of(state)
        self._running = True
        self.run.setEnabled(False)
        self.stop.setEnabled(True)
        self.desk.ask(
            Judge(
                self.measure.currentText(),
                self.options.values(),
                state.plain if trial is None else state.measured,
                state.live,
                state.scores,
                where.select if where else "greedy",
                where.asked if where else None,
                state.sets,
                tuple(sorted(self.desk.nodes - {"logits"})),
                trial,
                self.desk.device,
                state.opening,
            )
        )

    def command(self) -> str:
        """The command line that repeats the measure with the options shown."""
        name, path = self.measure.currentText(), self.desk.document.path
        parts = ["circuitviz", "evaluate", str(path or "circuit.circuit"), "--measures", name]
        found = self.desk.document.measures.get(name)
        values = dict(found["options"]) if found else self.options.values()
        if values.get("nodes") == "selection" and found and "ablated" in found["result"]:
            values["nodes"] = ",".join(found["result"]["ablated"])  # files of before do not name them
        for option, value in values.items():
            parts += [f"--{name}-{option.replace('_', '-')}", str(value)]
        return shlex.join(parts)

    def show_result(self) -> None:
        """Draw what is known of the chosen measure."""
        name = self.measure.currentText()
        found = self.desk.document.measures.get(name)
        self.chart.draw(name, None if found is None else found["result"])
        self._say_what_it_is()
        self.export.setEnabled(found is not None)
        self.fade.setVisible(name == "stability")
        self.fade.setEnabled(found is not None)
        self._point("")

    def _opened(self) -> None:
        """Another document, whose edges are drawn as usual."""
        with QSignalBlocker(self.fade):
            self.fade.setChecked(False)
        self.show_result()

    def _build(self) -> None:
        inside = QWidget()
        form = QVBoxLayout(inside)
        form.setContentsMargins(12, 8, 12, 4)
        form.addWidget(self.measure)
        form.addWidget(self.about)
        form.addWidget(self.options)
        form.addStretch(1)
        scroll = Column(inside)
        buttons = QHBoxLayout(spacing=6)
        buttons.setContentsMargins(12, 4, 12, 8)
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.stop)
        left = QVBoxLayout(spacing=0)
        left.addWidget(scroll, 1)
        left.addLayout(buttons)
        side = QWidget()
        side.setLayout(left)
        left.setContentsMargins(0, 0, 0, 0)
        keep_wide(side, 236)
        foot = QHBoxLayout(spacing=6)
        foot.setContentsMargins(8, 0, 12, 8)
        foot.addWidget(self.note, 1)
        for button in (self.fade, self.copy, self.export):
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
        chosen = self.measure.currentText()
        self.measure.clear()
        self.measure.addItems(list(choices.measures))
        if chosen:
            self.measure.setCurrentText(chosen)
        self._chosen(self.measure.currentText())

    def _chosen(self, name: str) -> None:
        self.options.set_options(self._choices.measures.get(name, ("", ()))[1])
        self.show_result()

    def _say_what_it_is(self) -> None:
        """What the measure is, or why it does not apply to a circuit of this kind."""
        name = self.measure.currentText()
        kind = "heads" if self.desk.asking.question is None else "features"
        why = self._choices.refused.get(kind, {}).get(name, "")
        self.about.setText(why or self._choices.measures.get(name, ("", ()))[0])
        self.options.setVisible(bool(self.options.fields) and not why)
        self.run.setEnabled(self.desk.state.circuit is not None and not self._running and not why)

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Judged):
            return
        if reply.measure == self.measure.currentText():
            self.show_result()
        if reply.done:  # whatever else runs now
            self._idle()

    def _point(self, text: str) -> None:
        """What the mouse is over, or else what the picture is of."""
        name = self.measure.currentText()
        found: dict[str, Any] | None = self.desk.document.measures.get(name)
        if not text and found is None:
            text = "not measured yet" if self.desk.state.circuit is not None else ""
        elif not text and found is not None:
            parts = []
            state = self.desk.document.state
            if found["key"] != state.measured:
                plain = found["key"] == state.plain
                parts.append(AS_IN_MODEL if plain else "measured before the circuit changed")
            if not found["done"]:
                parts.append("not finished")
            text = ", ".join(parts)
        self.note.setText(text)

    def _moved(self, moved: Moved) -> None:
        if self._running and moved.title.endswith(self.measure.currentText()):
            self.stop.setEnabled(True)

    def _idle(self) -> None:
        self._running = False
        self._say_what_it_is()
        if self.stop.hasFocus():  # else the keys go on to the plot, which would read itself out
            self.run.setFocus()
        self.stop.setEnabled(False)

    def _fade(self, on: bool) -> None:
        found = self.desk.document.measures.get("stability")
        self.desk.fade(dict(found["result"]["edges"]) if on and found else None)

    def _ask_export(self) -> None:
        export_plot(self, self.desk, self.chart, self.measure.currentText(), self.command())
