"""Activation against mean similarity: does the target fire strongly where its usual reasons hold?"""

from __future__ import annotations

from circuitviz.panels.charts import Chart
from circuitviz.panels.saving import Plotted
from circuitviz.panels.tracing.page import TracesPage, snippet


class ScatterPage(TracesPage):
    """A click on a point opens that example's circuit."""

    title = "Scatter"

    def __init__(self) -> None:
        super().__init__()
        self.chart = Chart()
        self.chart.setAccessibleName("Activation against mean similarity of circuits")
        self.whole.addWidget(self.chart, 1)
        self.chart.pointed.connect(self.pointed)
        self.chart.clicked.connect(self._clicked)

    def draw(self) -> None:
        """Points of all examples."""
        self.chart.theme = self.theme
        result = None
        if self.shown is not None:
            traces = self.shown.traces
            result = {
                "target": traces.target,
                "activations": traces.activations.tolist(),
                "similarities": traces.mean_similarity.tolist(),
                "texts": [snippet(traces, i) for i in range(len(traces.traces))],
                "correlation": traces.correlation,
            }
        self.chart.draw("trace-scatter", result)

    def picture(self) -> tuple[str, Plotted]:
        """The scatter."""
        return "traces-scatter", self.chart

    def said(self) -> str:
        """The correlation."""
        if self.shown is None:
            return ""
        found = self.shown.traces.correlation
        if found is None:
            return "No correlation: it takes three examples that differ."
        return f"Pearson correlation {found:+.3f}. A click opens an example’s circuit."

    def _clicked(self, what: tuple[str, ...]) -> None:
        if self.shown is not None:
            self.example_wanted.emit(self.shown.name, int(what[0].partition(":")[2]))
