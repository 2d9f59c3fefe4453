"""What every page of the Traces panel is: shows one target's traces, says what is pointed at, is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.errors import InputError
from circuitviz.graph import Traces
from circuitviz.panels.saving import Plotted

BEFORE, AFTER = 9, 3  # tokens around the one at which the target fires


@dataclass(frozen=True)
class Kept:
    """Traces that stay with the document: of which text and model, with dictionaries of which folders,
    circuits of about how many nodes."""

    traces: Traces
    source: str
    model: str
    dictionaries: tuple[str, ...]
    nodes: int

    @property
    def name(self) -> str:
        """How it is told from others."""
        return f"{self.traces.target} · {self.source}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as documents keep it."""
        return {
            "traces": self.traces.as_dict(),
            "source": self.source,
            "model": self.model,
            "dictionaries": list(self.dictionaries),
            "nodes": self.nodes,
        }

    @staticmethod
    def from_dict(given: Mapping[str, Any]) -> Kept:
        """What was kept; InputError where it cannot be read."""
        try:
            folders = tuple(map(str, given["dictionaries"]))
            where = str(given["source"]), str(given["model"]), folders, int(given["nodes"])
            return Kept(Traces.from_dict(given["traces"]), *where)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Traces in this file cannot be read ({type(error).__name__}: {error}); collect them anew."
            ) from None


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
        self.shown: Kept | None = None
        self.kept: Mapping[str, Kept] = {}
        self.whole = QVBoxLayout(self, spacing=2)
        self.whole.setContentsMargins(0, 0, 0, 0)

    def show_kept(self, shown: Kept | None, kept: Mapping[str, Kept]) -> None:
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
