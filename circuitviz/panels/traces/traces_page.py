"""What every page of the Traces panel is: shows one target's traces, says what is pointed at, is saved."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from circuitviz.graph import TraceSet
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.workbench.requests.collect_traces import TraceCollection

TOKENS_BEFORE_TARGET, TOKENS_AFTER_TARGET = 9, 3  # tokens around the one at which the target fires


class TracesPage(QWidget):
    """A way to look at traces.

    ``hovered(text)``: what lies under the mouse; ``example_wanted(name, number)``: an example's circuit
    is to be opened, of what is kept under that name.
    """

    title = ""
    hovered = Signal(str)
    example_requested = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.collection: TraceCollection | None = None
        self.collections: Mapping[str, TraceCollection] = {}
        self.page_layout = QVBoxLayout(self, spacing=2)
        self.page_layout.setContentsMargins(0, 0, 0, 0)

    def show_collection(
        self, collection: TraceCollection | None, collections: Mapping[str, TraceCollection]
    ) -> None:
        """Show these traces; ``collections``: all there are, by name."""
        self.collection, self.collections = collection, collections
        self.draw_page()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.theme = theme
        self.draw_page()

    def draw_page(self) -> None:
        """Draw what is shown."""
        raise NotImplementedError

    def exportable_plot(self) -> tuple[str, ExportablePlot]:
        """What can be exported, and what its file is called."""
        raise NotImplementedError

    def summary_text(self) -> str:
        """What the picture is of, while nothing is pointed at."""
        return ""


def example_snippet(traces: TraceSet, number: int) -> str:
    """An example in a line: the words around the one at which the target fires."""
    trace = traces.traces[number]
    at, words = trace.example.position, trace.strings
    first, end = max(0, at - TOKENS_BEFORE_TARGET), at + TOKENS_AFTER_TARGET + 1
    before, after = "".join(words[first:at]), "".join(words[at + 1 : end])
    cut = "…" if end < len(words) else ""
    return f"{'…' if first else ''}{before}‹{words[at]}›{after}{cut}".strip()
