"""Reuse across tasks: how much of each circuit the others have too."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.graph import reuse
from circuitviz.panels.beside import HERE
from circuitviz.panels.charts import Chart
from circuitviz.panels.comparing.page import Page
from circuitviz.panels.desk import Desk
from circuitviz.panels.figures import export_plot


class ReusePage(Page):
    """A matrix over the open circuit and all that lie beside it; a click selects what two share."""

    title = "Reuse"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.what = QComboBox(accessibleName="Nodes or edges")
        self.what.addItems(["Nodes", "Edges"])
        self.everywhere = QPushButton("Select what all have")
        self.export = QPushButton("Export…", toolTip="the matrix as a figure, its table as CSV")
        self.chart = Chart()
        self.chart.setAccessibleName("Share of each circuit's components in the others")
        self.note = QLabel("", objectName="muted", wordWrap=True)
        self.found: dict[str, Any] | None = None
        row = QHBoxLayout(spacing=8)
        for widget in (self.what, self.everywhere):
            row.addWidget(widget)
        row.addWidget(self.note, 1)
        row.addWidget(self.export)
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.addLayout(row)
        whole.addWidget(self.chart, 1)
        self.what.currentIndexChanged.connect(lambda _i: self.refresh())
        self.everywhere.clicked.connect(lambda: self._select((self.found or {}).get("everywhere", ())))
        self.export.clicked.connect(self._export)
        self.chart.pointed.connect(lambda text: self.note.setText(text or self._said()))
        self.chart.clicked.connect(self._select)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.chart.theme = theme
        self.refresh()

    def show_now(self) -> None:
        """The matrix of what is there now."""
        beside, live = self.desk.beside, self.desk.document.state.live
        circuits = {} if live is None else {HERE: live}
        if live is not None:
            names = beside.kept()
            names += [beside.name] if beside.chosen is not None and beside.name not in names else []
            kept = {name: beside.document(name).state.live for name in names}
            circuits |= {name: circuit for name, circuit in kept.items() if circuit is not None}
        self.found = reuse(circuits).as_dict() if len(circuits) > 1 else None
        self.chart.clear()
        if self.found is not None:
            self.chart.draw("reuse", {**self.found, "what": self.what.currentText().lower()})
        self.note.setText(self._said())
        self.everywhere.setEnabled(self.found is not None)
        self.export.setEnabled(self.found is not None)
        self.chart.setVisible(self.found is not None)

    def _said(self) -> str:
        if self.found is None:
            return "Keep this circuit, find that of another task, and the matrix appears here."
        return (
            f"Row: the share of that circuit's {self.what.currentText().lower()} that the column's circuit "
            f"has too. {len(self.found['everywhere'])} heads and MLPs are in all."
        )

    def _select(self, nodes: tuple[str, ...]) -> None:
        self.desk.select(frozenset(nodes), frozenset())

    def _export(self) -> None:
        export_plot(self, self.desk, self.chart, "reuse")
