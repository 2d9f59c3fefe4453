"""A picture format is one file: a suffix and a function that makes a sheet's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from circuitviz.registry import Registry
from circuitviz.shapes.drawing import Drawing


@dataclass(frozen=True)
class FigurePage:
    """What is written: the drawing, its title, the lines that tell how to make it again."""

    drawing: Drawing
    title: str
    metadata_lines: tuple[str, ...]
    dpi: int = 300


class FigureFormat(Protocol):
    """Writes a sheet. The same sheet gives the same bytes, but for the date and the number of a PDF."""

    suffix: str

    def write(self, sheet: FigurePage) -> bytes:
        """The file's contents."""
        ...


figure_formats: Registry[FigureFormat] = Registry(
    "picture format", ("circuitviz.draw", "circuitviz.paint"), "circuitviz.pictures"
)
