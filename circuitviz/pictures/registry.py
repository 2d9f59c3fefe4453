"""A picture format is one file: a suffix and a function that paints a picture to a path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from circuitviz.canvas.picture import CircuitPicture
from circuitviz.canvas.theme import Theme
from circuitviz.registry import Registry


@dataclass(frozen=True)
class Sheet:
    """What is painted: the picture, its colours, and a line of text below."""

    picture: CircuitPicture
    theme: Theme
    title: str
    caption: str


class PictureFormat(Protocol):
    """Paints a sheet to a file."""

    suffix: str

    def write(self, sheet: Sheet, path: Path) -> None:
        """Paint to a new file at a path."""
        ...


pictures: Registry[PictureFormat] = Registry(
    "picture format", "circuitviz.pictures", "circuitviz.pictures"
)
