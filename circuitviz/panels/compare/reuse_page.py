"""Component reuse across tasks: the share of each circuit that others contain, too."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QLabel, QPushButton

from circuitviz.graph import measure_reuse
from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.panels.figures import ExportButton
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.fields import choice_box
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workspace.comparison_set import THIS_CIRCUIT
from circuitviz.workspace.workspace import Workspace


class ReusePage(ComparePage):
    """Matrix over the open circuit and all added ones; a click selects the shared nodes."""

    title = "Reuse"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.kind_box = choice_box("Nodes or edges", "Nodes", "Edges")
        self.select_common_button = QPushButton("Select shared parts")
        self.export_button = ExportButton(workspace, lambda: {"reuse": self.chart})
        self.chart = ChartView("Share of each circuit's components in the others")
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self.shares: dict[str, Any] | None = None
        row = lay_out_row(
            self.kind_box, self.select_common_button, (self.message_label, 1), self.export_button, spacing=8
        )
        lay_out_column(row, (self.chart, 1), parent=self, spacing=6, margins=(0, 6, 0, 0))
        self.kind_box.currentIndexChanged.connect(lambda _i: self.refresh())
        self.select_common_button.clicked.connect(
            lambda: self._select_nodes(self.shares["everywhere"] if self.shares is not None else ())
        )
        self.chart.hover_text_changed.connect(
            lambda text: self.message_label.setText(text or self._description())
        )
        self.chart.nodes_clicked.connect(self._select_nodes)

    def refresh_now(self) -> None:
        """Draw the matrix of the current circuits."""
        comparison, live = self.workspace.comparison, self.workspace.document.state.live_circuit
        circuits = {} if live is None else {THIS_CIRCUIT: live}
        if live is not None:
            names = comparison.user_names()
            names += (
                [comparison.chosen_name]
                if comparison.chosen_document is not None and comparison.chosen_name not in names
                else []
            )
            states = {name: comparison.get_document(name).state.live_circuit for name in names}
            circuits |= {name: circuit for name, circuit in states.items() if circuit is not None}
        self.shares = measure_reuse(circuits).as_dict() if len(circuits) > 1 else None
        self.chart.clear()
        if self.shares is not None:
            self.chart.draw_result("reuse", {**self.shares, "what": self.kind_box.currentText().lower()})
        self.message_label.setText(self._description())
        self.select_common_button.setEnabled(self.shares is not None)
        self.export_button.setEnabled(self.shares is not None)
        self.chart.setVisible(self.shares is not None)

    def _description(self) -> str:
        if self.shares is None:
            return "Add this circuit to the comparison, then find the circuit of another task."
        return (
            f"Row: the share of that circuit's {self.kind_box.currentText().lower()} that are also in "
            f"the column's circuit. {len(self.shares['everywhere'])} heads and MLPs are in all circuits."
        )

    def _select_nodes(self, nodes: tuple[str, ...]) -> None:
        self.workspace.select_nodes(nodes)
