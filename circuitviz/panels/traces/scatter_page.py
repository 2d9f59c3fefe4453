"""Activation against mean similarity: does the target fire strongly where its usual causes are present?"""

from __future__ import annotations

from circuitviz.number_text import signed_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.traces.traces_page import ChartPage, example_snippet


class ScatterPage(ChartPage):
    """One point per example; a click opens that example's circuit."""

    title = "Scatter"

    def __init__(self) -> None:
        super().__init__("Activation against mean similarity of circuits")
        self.chart.nodes_clicked.connect(self._on_point_clicked)

    def draw_page(self) -> None:
        """Draw the points."""
        result = None
        if self.collection is not None:
            traces = self.collection.traces
            result = {
                "target": traces.target,
                "activations": traces.activations.tolist(),
                "similarities": traces.mean_similarity.tolist(),
                "texts": [example_snippet(traces, i) for i in range(len(traces.traces))],
                "correlation": traces.correlation,
            }
        self.chart.draw_result("trace-scatter", result)

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """The scatter plot."""
        return "traces-scatter", self.chart

    def summary_text(self) -> str:
        """The Pearson correlation."""
        if self.collection is None:
            return ""
        correlation = self.collection.traces.correlation
        if correlation is None:
            return "No correlation: needs at least three different examples."
        return f"Pearson correlation {signed_number(correlation, 3)}. Click a point to open its circuit."

    def _on_point_clicked(self, keys: tuple[str, ...]) -> None:
        if self.collection is not None:
            self.example_requested.emit(self.collection.label, int(keys[0].partition(":")[2]))
