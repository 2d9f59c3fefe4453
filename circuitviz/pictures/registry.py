"""A picture format is one file: a suffix and a function that makes a sheet's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from circuitviz.pictures.drawing import Drawing
from circuitviz.registry import Registry


@dataclass(frozen=True)
class Sheet:
    """What is written: the drawing, its title, the lines that tell how to make it again."""

    drawing: Drawing
    title: str
    about: tuple[str, ...]
    dpi: int = 300


class PictureFormat(Protocol):
    """Writes a sheet. The same sheet gives the same bytes."""

    suffix: str

    def write(self, sheet: Sheet) -> bytes:
        """The file's contents."""
        ...


pictures: Registry[PictureFormat] = Registry("picture format", "circuitviz.pictures", "circuitviz.pictures")
