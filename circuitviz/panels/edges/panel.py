"""Edges panel: the slider of the number of edges, and the faithfulness curve."""

from __future__ import annotations

import math
import shlex

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton

from circuitviz.panels.figures import ExportButton
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.fields import adjust_form_fields
from circuitviz.panels.widgets.focused_wheel import FocusedSlider
from circuitviz.panels.widgets.font_scaling import fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import IntegerField
from circuitviz.workspace.workspace import Workspace

SLIDER_STEPS = 1000


@panels.register("edges", summary="number of edges", title="Edges", area="bottom", place="circuit", order=0)
class EdgesPanel(Panel):
    """Logarithmic slider; curve with confidence band; a line at the circuit."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.slider = FocusedSlider(Qt.Orientation.Horizontal, maximum=SLIDER_STEPS, accessibleName="Edges")
        self.edges_field = IntegerField(minimum=1, maximum=10_000_000, accessibleName="Number of edges")
        self.measure_button = QPushButton("Measure curve")
        self.export_button = ExportButton(
            workspace, lambda: {"faithfulness-curve": self.chart}, self._evaluate_command
        )
        self.chart = ChartView("Faithfulness against the number of edges")
        self._n_graph_edges = 1
        self._is_updating = False
        self._build()
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.edges_field.editingFinished.connect(lambda: self._choose_n_edges(self.edges_field.value()))
        self.measure_button.clicked.connect(workspace.measure_curve)
        workspace.state_changed.connect(self.show_state)
        workspace.live_faithfulness.changed.connect(lambda _tier: self.show_curve())
        workspace.curve_changed.connect(self.show_curve)
        workspace.document_opened.connect(self.show_curve)
        self.show_state()

    def _build(self) -> None:
        row = lay_out_row(
            QLabel("Edges"), (self.slider, 1), self.edges_field, self.measure_button, self.export_button
        )
        fix_scaled_width(self.edges_field, 84)
        self.slider.setMinimumWidth(80)
        self.chart.setMinimumHeight(96)
        lay_out_column(row, (self.chart, 1), parent=self, spacing=6, margins=(12, 6, 12, 8))
        adjust_form_fields(self)

    def show_state(self) -> None:
        """Show the number of edges of the circuit."""
        state = self.workspace.state
        has_scores = state.scores is not None and state.circuit is not None
        for widget in (self.slider, self.edges_field, self.measure_button):
            widget.setEnabled(has_scores and self.workspace.partial_result is None)
        is_prompt_circuit = state.circuit is not None and state.circuit.graph.is_of_prompt
        self.measure_button.setEnabled(self.measure_button.isEnabled() and not is_prompt_circuit)
        self.measure_button.setToolTip(
            "not available for prompt circuits, which are evaluated node by node" if is_prompt_circuit else ""
        )
        if state.circuit is None:
            return self.show_curve()
        self._n_graph_edges = state.circuit.graph.n_edges
        n_edges = state.circuit.n_edges
        self._is_updating = True
        self.edges_field.setMaximum(self._n_graph_edges)
        self.edges_field.setValue(max(1, n_edges))
        self.slider.setValue(
            round(SLIDER_STEPS * math.log(max(1, n_edges)) / math.log(max(2, self._n_graph_edges)))
        )
        self._is_updating = False
        self.show_curve()

    def show_curve(self) -> None:
        """Draw the points measured so far and the position of the circuit."""
        circuit, evaluation = self.workspace.state.circuit, self.workspace.live_faithfulness.evaluation or {}
        value = evaluation.get("faithfulness", {}).get("value")
        curve = self.workspace.document.curve
        n_edges = 0 if circuit is None else circuit.n_edges
        self.chart.draw_result(
            "amounts", {"points": curve, "most": self._n_graph_edges, "edges": n_edges, "value": value}
        )
        self.export_button.setEnabled(bool(curve))

    def _evaluate_command(self) -> str:
        path = str(self.workspace.document.path or "circuit.circuit")
        return shlex.join(["circuitviz", "evaluate", path, "--measures", "curve"])

    def _on_slider_moved(self, step: int) -> None:
        if not self._is_updating:
            self._choose_n_edges(round(math.exp(step / SLIDER_STEPS * math.log(max(2, self._n_graph_edges)))))

    def _choose_n_edges(self, n_edges: int) -> None:
        circuit = self.workspace.document.state.circuit
        if circuit is not None and n_edges != circuit.n_edges and not self._is_updating:
            self.workspace.select_edge_count(max(1, min(self._n_graph_edges, n_edges)))
