"""What every page of the Traces panel is: shows one target's traces, says what is pointed at, is saved."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.graph import Traces
from circuitviz.jobs.traces import Collected
from circuitviz.panels.saving import Plotted

BEFORE, AFTER = 9, 3  # tokens around the one at which the target fires


class TracesPage(QWidget):
    """A way to look at traces.

    ``pointed(text)``: what lies under the mouse; ``example_wanted(name, number)``: an example's circuit
    is to be opened, of what is kept under that name.
    """

    title = ""
    pointed = Signal(str)
    example_wanted = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.shown: Collected | None = None
        self.kept: Mapping[str, Collected] = {}
        self.whole = QVBoxLayout(self, spacing=2)
        self.whole.setContentsMargins(0, 0, 0, 0)

    def show_kept(self, shown: Collected | None, kept: Mapping[str, Collected]) -> None:
        """Show these traces; ``kept``: all there are, by name."""
        self.shown, self.kept = shown, kept
        self.draw()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.theme = theme
        self.draw()

    def draw(self) -> None:
        """Draw what is shown."""
        raise NotImplementedError

    def picture(self) -> tuple[str, Plotted]:
        """What can be exported, and what its file is called."""
        raise NotImplementedError

    def said(self) -> str:
        """What the picture is of, while nothing is pointed at."""
        return ""


def snippet(traces: Traces, number: int) -> str:
    """An example in a line: the words around the one at which the target fires."""
    trace = traces.traces[number]
    at, words = trace.example.position, trace.strings
    first, end = max(0, at - BEFORE), at + AFTER + 1
    before, after = "".join(words[first:at]), "".join(words[at + 1 : end])
    cut = "…" if end < len(words) else ""
    return f"{'…' if first else ''}{before}‹{words[at]}›{after}{cut}".strip()
