"""Similarity of circuits by component: circuits may agree in early layers and differ in later ones."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtCore import Signal

from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.traces.traces_page import ChartPage


class ComponentsPage(ChartPage):
    """A bar per site. ``site_requested(site)``: a click asks for that site's similarities."""

    title = "Components"
    site_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__("Similarity of circuits by component")
        self.chart.nodes_clicked.connect(lambda names: self.site_requested.emit(names[0]))

    def draw_page(self) -> None:
        """Draw the bars."""
        collection = self.collection
        sites = (
            [] if collection is None else [asdict(site) for site in collection.traces.similarity_by_site()]
        )
        self.chart.draw_result("trace-sites", {"sites": sites} if collection is not None else None)

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """The bar chart."""
        return "traces-components", self.chart

    def summary_text(self) -> str:
        """What a bar shows."""
        return "Mean cosine similarity and quartiles over pairs. Click a bar for that site’s heat map."
