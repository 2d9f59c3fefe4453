"""Base class of the pages of the Traces panel."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from circuitviz.graph import TraceSet
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.workbench.requests.collect_traces import TraceCollection

TOKENS_BEFORE_TARGET, TOKENS_AFTER_TARGET = 9, 3  # tokens around the one at which the target fires


class TracesPage(QWidget):
    """A view of one collection of traces.

    Signals: ``hovered(text)``: description of what is under the mouse; ``example_requested(collection,
    index)``: open the circuit of an example.
    """

    title = ""
    hovered = Signal(str)
    example_requested = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.collection: TraceCollection | None = None
        self.collections: Mapping[str, TraceCollection] = {}
        self.page_layout = QVBoxLayout(self, spacing=2)
        self.page_layout.setContentsMargins(0, 0, 0, 0)

    def show_collection(
        self, collection: TraceCollection | None, collections: Mapping[str, TraceCollection]
    ) -> None:
        """Show a collection; ``collections``: all of them by name."""
        self.collection, self.collections = collection, collections
        self.draw_page()

    def draw_page(self) -> None:
        """Draw the collection."""
        raise NotImplementedError

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """File stem and plot for export."""
        raise NotImplementedError

    def summary_text(self) -> str:
        """What the page shows, while nothing is hovered."""
        return ""


class ChartPage(TracesPage):
    """A page with one chart."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.chart = ChartView(name)
        self.page_layout.addWidget(self.chart, 1)
        self.chart.hover_text_changed.connect(self.hovered)


def example_snippet(traces: TraceSet, number: int) -> str:
    """An example in one line: the words around the one at which the target fires."""
    trace = traces.traces[number]
    target, words = trace.example.position, trace.strings
    first, end = max(0, target - TOKENS_BEFORE_TARGET), target + TOKENS_AFTER_TARGET + 1
    before, after = "".join(words[first:target]), "".join(words[target + 1 : end])
    cut = "…" if end < len(words) else ""
    return f"{'…' if first else ''}{before}‹{words[target]}›{after}{cut}".strip()
