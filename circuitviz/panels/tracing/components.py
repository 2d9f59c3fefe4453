"""In which components circuits are alike: reasons may agree in an early layer and part in a later one."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtCore import Signal

from circuitviz.panels.charts import Chart
from circuitviz.panels.saving import Plotted
from circuitviz.panels.tracing.page import TracesPage


class ComponentsPage(TracesPage):
    """A click on a bar shows that site's similarities: ``site_wanted(site)``."""

    title = "Components"
    site_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.chart = Chart()
        self.chart.setAccessibleName("Similarity of circuits by component")
        self.whole.addWidget(self.chart, 1)
        self.chart.pointed.connect(self.pointed)
        self.chart.clicked.connect(lambda names: self.site_wanted.emit(names[0]))

    def draw(self) -> None:
        """A bar a site."""
        self.chart.theme = self.theme
        shown = self.shown
        sites = [] if shown is None else [asdict(one) for one in shown.traces.by_site()]
        self.chart.draw("trace-sites", {"sites": sites} if shown is not None else None)

    def picture(self) -> tuple[str, Plotted]:
        """The bars."""
        return "traces-components", self.chart

    def said(self) -> str:
        """What a bar is."""
        return "Mean cosine and quartiles over pairs. A click shows a site’s heat map."
