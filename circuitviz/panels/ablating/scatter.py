"""Each node's change of the target as attribution predicts it, against what was measured, in a chart."""

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

from circuitviz.jobs import Judge, Judged, Moved, Reply
from circuitviz.panels.charts import Chart
from circuitviz.panels.figures import export_plot
from circuitviz.session import Trial

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk

NAME = "predicted"
EVERY = 250  # milliseconds between two drawings while points come
ALL, SELECTED = "all nodes", "selected"


class PredictedChart(QWidget):
    """A run for each node, in the background; points come as they are measured.

    What was found is the measure ``predicted`` of the document: the Evaluation panel shows it, too.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.nodes = QComboBox(accessibleName="Nodes to compare")
        self.nodes.addItems([ALL, SELECTED])
        self.response = QComboBox(accessibleName="How the model responds")
        self.response.addItems(["free", "frozen"])
        self.response.setToolTip("free: the real model; frozen: patterns, scales and active features stay")
        self.run = QPushButton("Compare", toolTip="put each node to its ablation value, alone")
        self.stop = QPushButton("Cancel", visible=False)
        self.export = QPushButton("Export…", toolTip="the plot as SVG, PDF or PNG, its table as CSV")
        self.chart = Chart()
        self.chart.setAccessibleName("Predicted against measured")
        self.note = QLabel("", objectName="muted")
        self._running = False
        self._due = QTimer(self, singleShot=True, interval=EVERY)
        self._due.timeout.connect(self.show_state)
        self._build()
        self.run.clicked.connect(self.start)
        self.stop.clicked.connect(desk.cancel)
        self.export.clicked.connect(self._ask_export)
        self.chart.pointed.connect(self._point)
        self.chart.clicked.connect(lambda nodes: desk.select(frozenset(nodes), frozenset()))
        desk.arrived.connect(self._arrived)
        desk.progressed.connect(self._moved)
        desk.idle.connect(self._idle)

    def start(self) -> None:
        """Measure each node of the circuit, or each selected one."""
        trial, state = Trial.of(self.desk.document.state), self.desk.document.state
        if trial is None or state.live is None:
            return
        chosen = "selection" if self.nodes.currentText() == SELECTED else "circuit"
        options = {
            "action": trial.ablation,
            "response": self.response.currentText(),
            "errors": trial.errors,
            "nodes": chosen,
        }
        selection = tuple(sorted(self.desk.nodes & state.live.graph.sender_index.keys()))
        self._running = True
        self._show_buttons()
        self.note.setText("predicting…")
        self.desk.ask(
            Judge(NAME, options, state.measured, state.live, None, selection=selection, trial=trial)
        )

    def show_state(self) -> None:
        """Draw what the document holds."""
        self.chart.draw(NAME, None if self._found is None else self._found["result"])
        self._show_buttons()
        self._point("")

    @property
    def _found(self) -> dict[str, Any] | None:
        return self.desk.document.measures.get(NAME)

    def _show_buttons(self) -> None:
        there = self.desk.asking.question is not None and self.desk.opened is not None
        self.run.setEnabled(there and not self._running)
        self.run.setVisible(not self._running)
        self.stop.setVisible(self._running)
        self.export.setEnabled(self._found is not None)

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Judged) and reply.measure == NAME:
            self._running = self._running and not reply.done
            if reply.done:
                self._due.stop()
                self.show_state()
            elif self.isVisible() and not self._due.isActive():
                self._due.start()

    def _moved(self, moved: Moved) -> None:
        if self._running and moved.title.endswith(NAME):
            self.note.setText(f"measuring {moved.message}")

    def _idle(self) -> None:
        self._running = False
        self._show_buttons()

    def _point(self, text: str) -> None:
        found = self._found
        if not text and found is None:
            text = "not compared yet"
        elif not text and found is not None:
            old = found["key"] != self.desk.document.state.measured
            parts = ["compared before the circuit changed"] * old + ["not finished"] * (not found["done"])
            text = ", ".join(parts) or f"one node at a time: {found['result']['action']}"
        self.note.setText(text)
        self.note.setToolTip("" if found is None else f"errors {found['options'].get('errors', 'kept')}")

    def _ask_export(self) -> None:
        export_plot(self, self.desk, self.chart, NAME)

    def _build(self) -> None:
        head = QHBoxLayout(spacing=6)
        for widget in (self.nodes, self.response, self.run, self.stop):
            head.addWidget(widget)
        head.addStretch(1)
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        foot = QHBoxLayout(spacing=6)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.export)
        for box, letters in ((self.nodes, 8), (self.response, 5)):
            box.setMinimumContentsLength(letters)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        whole = QVBoxLayout(self, spacing=4)
        whole.setContentsMargins(8, 6, 8, 6)
        whole.addLayout(head)
        whole.addWidget(self.chart, 1)
        whole.addLayout(foot)
