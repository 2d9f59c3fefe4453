"""The dock of a feature's circuit: its question on the left, its threshold, ledger and curve on the right."""

from __future__ import annotations

import math

from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import Theme
from circuitviz.jobs import Failed, FractionCurve, FractionPoint, Moved, Reply, Seen
from circuitviz.jobs.features import OpenFeatures
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.feature_circuit.form import QuestionForm
from circuitviz.panels.feature_circuit.ledger import LedgerView
from circuitviz.panels.feature_circuit.scores import GraphScores
from circuitviz.panels.feature_circuit.threshold import ThresholdRow
from circuitviz.panels.figures import export_one_of
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.room import Column, keep_wide
from circuitviz.panels.saving import Plotted
from circuitviz.session.provenance import text_answers
from circuitviz.session.question import Question


@panels.register(
    "feature-circuit",
    summary="why a feature fires",
    title="Feature circuit",
    area="bottom",
    order=4,
    height=390,
)
class FeatureCircuitPanel(Panel):
    """Follows the open document: what it answers is in the form, its numbers beside it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.form = QuestionForm()
        self.run = QPushButton("Trace", objectName="primary")
        self.stop = QPushButton("Cancel")
        self.title = QLabel("", objectName="heading")
        self.note = QLabel("", objectName="muted", wordWrap=True)
        self.threshold = ThresholdRow()
        self.ledger = LedgerView()
        self.chart = Chart()
        self.chart.setAccessibleName("Attribution fraction against the threshold")
        self.export = QPushButton("Export…", toolTip="curve or ledger as a figure, its numbers as CSV")
        self.scores = GraphScores()
        self.selected = QPushButton("Selected", toolTip="take the node that is selected on the canvas")
        self.pages = QStackedWidget()
        self._folders: tuple[str, ...] = ()
        self._shown: Question | None = None
        self._points: tuple[FractionPoint, ...] = ()
        self._curve: tuple[object, ...] = ()
        self._running = False
        self._build()
        self.run.clicked.connect(self.start)
        self.stop.clicked.connect(desk.cancel)
        self.selected.clicked.connect(self.take_selected)
        self.threshold.moved.connect(desk.asking.move)
        self.threshold.refused.connect(lambda text: desk.failed.emit(Failed("That is no threshold", text)))
        self.form.shares_changed.connect(self._shares_changed)
        self.export.clicked.connect(self._ask_export)
        self.chart.pointed.connect(lambda text: self.note.setText(text or self._said()))
        desk.state_changed.connect(self.when_seen(self.show_state))
        desk.selection_changed.connect(self._show_selected)
        desk.document_opened.connect(self._begin)
        desk.ready.connect(lambda _ready: self._model_came())
        desk.arrived.connect(self._arrived)
        desk.progressed.connect(self._progress)
        desk.asking.answered.connect(self._idle)
        desk.failed.connect(lambda _failed: self._idle())
        desk.idle.connect(self._idle)
        self._idle()
        self.show_state()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.ledger.theme = self.chart.theme = theme
        self.ledger.update()
        self._draw_curve()

    def set_seen(self, seen: bool) -> None:
        """Measure the curve when somebody looks."""
        super().set_seen(seen)
        if seen:
            self._ask_curve()

    def start(self) -> None:
        """Ask what the form asks."""
        opened = self.desk.opened
        question = self.form.question(opened.model if opened else "demo", self._folders)
        self._running = True
        self.run.setEnabled(False)
        self.stop.setEnabled(True)
        self.note.setText("Tracing …")
        self.desk.asking.ask(question)

    def take_selected(self) -> None:
        """Put the selected node into the form as the target."""
        if (name := self.desk.asking.traceable) is not None:
            self.form.kind.setCurrentIndex(self.form.kind.findData("node"))
            self.form.target.setText(name)

    # what is shown

    def show_state(self) -> None:
        """Follow the document, also back through undo."""
        question, scores = self.desk.asking.question, self.desk.document.state.scores
        graph = question is not None and question.is_graph
        self.pages.setCurrentIndex(1 if graph else 0)
        self.threshold.setEnabled(question is not None and not graph)
        self._show_selected()
        if question is None or scores is None:
            self.title.setText("No circuit of features is open")
            self.ledger.show_ledger(None, "")
            self.note.setText(self._said())
            self._shown = None
            self._draw_curve()
            return
        if question != self._shown:
            moved = self._shown is not None and self._shown.at(0) == question.at(0)
            self._shown = question
            if not moved:
                self.form.show_question(question)
        self.title.setText(self._title())
        if graph:
            self.scores.show_scores(scores.info)
        else:
            self.ledger.show_ledger(scores.info.get("ledger"), self._target())
            self.threshold.show_threshold(question.tau or 0.0, float(scores.info.get("highest", 0.0)))
        self._ask_curve()
        self._draw_curve()
        self.note.setText(self._said())

    def _title(self) -> str:
        state = self.desk.document.state
        assert state.scores is not None and state.circuit is not None
        size = f"{state.circuit.n_nodes:,} nodes, {state.circuit.n_edges:,} edges"
        value = state.scores.info.get("activations", {}).get(str(state.scores.info.get("target")))
        if value is None:
            return f"Attribution graph · {size}"
        return f"{self._target()} is {value:.4f} · {size}"

    def _target(self) -> str:
        scores = self.desk.document.state.scores
        info = {} if scores is None else scores.info
        name = str(info.get("target", ""))
        shown = info.get("shown", {}).get(name)
        return name if shown is None else f"“{shown.strip() or shown}” {name}"

    def _said(self) -> str:
        """What the numbers leave unsaid."""
        scores, question = self.desk.document.state.scores, self._shown
        if question is None or scores is None:
            return (
                "Choose a prompt and a target and trace it; or choose an example on a feature's dashboard, "
                "or select a node of a feature circuit and press Shift+T."
            )
        if question.is_graph:
            return f"{scores.info.get('unread', 0.0):.1%} of the influence stayed at nodes without rows."
        fraction = scores.info.get("fraction", math.nan)
        return f"Fraction {fraction:.3f}: the attribution of kept leaves over the target’s value."

    # curve

    def _ask_curve(self) -> None:
        question = self._shown
        if question is None or question.is_graph or self.desk.opened is None or not self.seen:
            return
        if _curve_of(question) != self._curve:
            self._curve, self._points = _curve_of(question), ()
            self.desk.ask(FractionCurve(question))

    def _draw_curve(self) -> None:
        question = self._shown
        shown = question is not None and not question.is_graph
        result = {"points": self._points if shown else (), "tau": question.tau if question else None}
        self.chart.draw("fraction", result)
        self.export.setEnabled(bool(self._pictures()))

    def _pictures(self) -> dict[str, Plotted]:
        """What can be exported."""
        curve: dict[str, Plotted] = {"attribution-fraction": self.chart} if self._points else {}
        return curve | ({"ledger": self.ledger} if self.ledger.terms else {})

    def _ask_export(self) -> None:
        export_one_of(self, self.desk, self.export, self._pictures())

    # what comes

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Seen):
            return
        match reply.look:
            case OpenFeatures() as look if not reply.why:
                self._folders = look.folders
            case FractionCurve() as look:
                if _curve_of(look.question) == self._curve:
                    self._points = reply.result or ()
                    self._draw_curve()

    def _model_came(self) -> None:
        opened, where = self.desk.opened, self.desk.document.state.provenance
        if opened is None:
            return
        pairs = where.pairs if where is not None and self.desk.asking.question is None else ()
        typed = tuple((a, b, text_answers(right), text_answers(wrong)) for a, b, right, wrong in pairs)
        self.form.offer(opened.prompts, typed)
        if self.desk.asking.question is not None:
            self.form.show_question(self.desk.asking.question)
        self._curve = ()
        self._ask_curve()

    def _begin(self) -> None:
        self._shown, self._curve, self._points = None, (), ()
        self.threshold.settle()

    def _shares_changed(self) -> None:
        question = self._shown
        if question is not None and question.is_graph:
            self.desk.asking.ask(self.form.replaced(question))

    def _show_selected(self) -> None:
        self.selected.setEnabled(self.desk.asking.traceable is not None)

    def _progress(self, moved: Moved) -> None:
        if self._running:
            self.stop.setEnabled(True)

    def _idle(self) -> None:
        self._running = False
        self.threshold.settle()
        self.run.setEnabled(True)
        self.stop.setEnabled(False)
        self.note.setText(self._said())

    def _build(self) -> None:
        scroll = Column(self.form)
        buttons = QHBoxLayout(spacing=6)
        buttons.setContentsMargins(12, 4, 12, 8)
        buttons.addWidget(self.run, 1)
        buttons.addWidget(self.selected)
        buttons.addWidget(self.stop)
        side = QWidget()
        left = QVBoxLayout(side, spacing=0)
        left.setContentsMargins(0, 0, 0, 0)
        left.addWidget(scroll, 1)
        left.addLayout(buttons)
        keep_wide(side, 268)
        self.chart.plot.setMinimumSize(150, 120)
        both = QSplitter()
        both.addWidget(_topped(self.ledger))
        both.addWidget(self.chart)
        both.setStretchFactor(1, 1)
        both.setSizes([270, 220])
        local = QWidget()
        column = QVBoxLayout(local, spacing=6)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.threshold)
        column.addWidget(both, 1)
        self.pages.addWidget(local)
        self.pages.addWidget(self.scores)
        right = QVBoxLayout(spacing=6)
        right.setContentsMargins(6, 8, 12, 8)
        right.addWidget(self.title)
        right.addWidget(self.pages, 1)
        foot = QHBoxLayout(spacing=8)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.export)
        right.addLayout(foot)
        whole = QHBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(side)
        whole.addLayout(right, 1)


def _curve_of(question: Question) -> tuple[object, ...]:
    """What decides the whole curve: all of a question but its threshold."""
    return (*question.opening, *question.aim, question.method, question.gate)


def _topped(widget: QWidget) -> QWidget:
    """A widget of a height of its own, at the top of the room there is."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 6, 0)
    column.addWidget(widget)
    column.addStretch(1)
    return made
