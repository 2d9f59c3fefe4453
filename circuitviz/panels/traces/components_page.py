"""In which components circuits are alike: reasons may agree in an early layer and part in a later one."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtCore import Signal

from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.traces.traces_page import TracesPage
from circuitviz.panels.widgets.chart_view import ChartView


class ComponentsPage(TracesPage):
    """A click on a bar shows that site's similarities: ``site_requested(site)``."""

    title = "Components"
    site_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.chart = ChartView()
        self.chart.setAccessibleName("Similarity of circuits by component")
        self.page_layout.addWidget(self.chart, 1)
        self.chart.hover_text_changed.connect(self.hovered)
        self.chart.nodes_clicked.connect(lambda names: self.site_requested.emit(names[0]))

    def draw_page(self) -> None:
        """A bar a site."""
        self.chart.theme = self.theme
        shown = self.collection
        sites = [] if shown is None else [asdict(one) for one in shown.traces.similarity_by_site()]
        self.chart.draw_result("trace-sites", {"sites": sites} if shown is not None else None)

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """The bars."""
        return "traces-components", self.chart

    def summary_text(self) -> str:
        """What a bar is."""
        return "Mean cosine and quartiles over pairs. A click shows a site’s heat map."
