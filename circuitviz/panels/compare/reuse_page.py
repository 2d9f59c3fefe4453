"""Component reuse across tasks: the share of each circuit that others contain, too."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from circuitviz.graph import measure_reuse
from circuitviz.panels.compare.compare_page import ComparePage
from circuitviz.panels.figures import open_plot_dialog
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.scene.theme import Theme
from circuitviz.workspace.comparison_set import THIS_CIRCUIT
from circuitviz.workspace.workspace import Workspace


class ReusePage(ComparePage):
    """Matrix over the open circuit and all added ones; a click selects the shared nodes."""

    title = "Reuse"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.kind_box = QComboBox(accessibleName="Nodes or edges")
        self.kind_box.addItems(["Nodes", "Edges"])
        self.select_common_button = QPushButton("Select shared parts")
        self.export_button = QPushButton(
            "Export…", toolTip="export the matrix as a figure, or its numbers as CSV"
        )
        self.chart = ChartView()
        self.chart.setAccessibleName("Share of each circuit's components in the others")
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self.shares: dict[str, Any] | None = None
        row = QHBoxLayout(spacing=8)
        for widget in (self.kind_box, self.select_common_button):
            row.addWidget(widget)
        row.addWidget(self.message_label, 1)
        row.addWidget(self.export_button)
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.addLayout(row)
        whole.addWidget(self.chart, 1)
        self.kind_box.currentIndexChanged.connect(lambda _i: self.refresh())
        self.select_common_button.clicked.connect(
            lambda: self._select_nodes(self.shares["everywhere"] if self.shares is not None else ())
        )
        self.export_button.clicked.connect(self._export_chart)
        self.chart.hover_text_changed.connect(
            lambda text: self.message_label.setText(text or self._description())
        )
        self.chart.nodes_clicked.connect(self._select_nodes)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme = theme
        self.refresh()

    def refresh_now(self) -> None:
        """Draw the matrix of the current circuits."""
        beside, live = self.workspace.comparison, self.workspace.document.state.live_circuit
        circuits = {} if live is None else {THIS_CIRCUIT: live}
        if live is not None:
            names = beside.user_names()
            names += (
                [beside.chosen_name]
                if beside.chosen_document is not None and beside.chosen_name not in names
                else []
            )
            kept = {name: beside.get_document(name).state.live_circuit for name in names}
            circuits |= {name: circuit for name, circuit in kept.items() if circuit is not None}
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
        self.workspace.set_selection(frozenset(nodes), frozenset())

    def _export_chart(self) -> None:
        open_plot_dialog(self, self.workspace, self.chart, "reuse")
