"""How many edges are enough: the slider and the faithfulness curve, one above the other."""

from __future__ import annotations

import math
import shlex

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QSpinBox, QVBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.figures import export_plot
from circuitviz.panels.registry import Panel, inset_numbers, panels
from circuitviz.panels.room import keep_wide

STEPS = 1000


@panels.register("edges", summary="number of edges", title="Edges", area="bottom", order=0)
class EdgesPanel(Panel):
    """A logarithmic slider; the curve with its interval band; a line where the circuit stands."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.slider = QSlider(Qt.Orientation.Horizontal, maximum=STEPS, accessibleName="Edges")
        self.number = QSpinBox(minimum=1, maximum=10_000_000, accessibleName="Number of edges")
        self.again = QPushButton("Measure curve")
        self.export = QPushButton("Export…", toolTip="the curve as a figure, its numbers as CSV")
        self.chart = Chart()
        self.chart.setAccessibleName("Faithfulness against the number of edges")
        self._most = 1
        self._setting = False
        self._build()
        self.slider.valueChanged.connect(self._slid)
        self.number.editingFinished.connect(lambda: self._choose(self.number.value()))
        self.again.clicked.connect(desk.draw_curve)
        self.export.clicked.connect(self._ask_export)
        desk.state_changed.connect(self.show_state)
        desk.live.changed.connect(lambda _tier: self.show_curve())
        desk.curve_changed.connect(self.show_curve)
        desk.document_opened.connect(self.show_curve)
        self.show_state()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme = theme
        self.show_curve()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Edges"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        row.addWidget(self.again)
        row.addWidget(self.export)
        keep_wide(self.number, 84)
        self.slider.setMinimumWidth(80)
        self.chart.setMinimumHeight(96)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 6, 12, 8)
        whole.setSpacing(6)
        whole.addLayout(row)
        whole.addWidget(self.chart, 1)
        inset_numbers(self)

    def show_state(self) -> None:
        """Follow the circuit."""
        state = self.desk.state
        has = state.scores is not None and state.circuit is not None
        for widget in (self.slider, self.number, self.again):
            widget.setEnabled(has and self.desk.preview is None)
        features = state.circuit is not None and state.circuit.graph.is_of_prompt
        self.again.setEnabled(self.again.isEnabled() and not features)
        self.again.setToolTip("circuits of features are judged by their nodes" if features else "")
        if state.circuit is None:
            return self.show_curve()
        self._most = state.circuit.graph.n_edges
        kept = state.circuit.n_edges
        self._setting = True
        self.number.setMaximum(self._most)
        self.number.setValue(max(1, kept))
        self.slider.setValue(round(STEPS * math.log(max(1, kept)) / math.log(max(2, self._most))))
        self._setting = False
        self.show_curve()

    def show_curve(self) -> None:
        """Draw the points measured so far, and where the circuit stands."""
        circuit, numbers = self.desk.state.circuit, self.desk.live.numbers or {}
        value = numbers.get("faithfulness", {}).get("value")
        curve = self.desk.document.curve
        edges = 0 if circuit is None else circuit.n_edges
        self.chart.draw("amounts", {"points": curve, "most": self._most, "edges": edges, "value": value})
        self.export.setEnabled(bool(curve))

    def _ask_export(self) -> None:
        path = str(self.desk.document.path or "circuit.circuit")
        command = shlex.join(["circuitviz", "evaluate", path, "--measures", "curve"])
        export_plot(self, self.desk, self.chart, "faithfulness-curve", command)

    def _slid(self, place: int) -> None:
        if not self._setting:
            self._choose(round(math.exp(place / STEPS * math.log(max(2, self._most)))))

    def _choose(self, amount: int) -> None:
        circuit = self.desk.document.state.circuit
        if circuit is not None and amount != circuit.n_edges and not self._setting:
            self.desk.choose(max(1, min(self._most, amount)))
