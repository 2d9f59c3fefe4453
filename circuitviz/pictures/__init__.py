"""Pictures for papers, slides and the web."""

from __future__ import annotations

from pathlib import Path

from circuitviz.errors import InputError
from circuitviz.formats.disk import write_whole
from circuitviz.formats.escapes import escaped
from circuitviz.pictures.compose import caption, draw, provenance, source_of, title
from circuitviz.pictures.figure import Figure
from circuitviz.pictures.measure import load_shipped
from circuitviz.pictures.registry import PictureFormat, Sheet, pictures
from circuitviz.session import Document

__all__ = ["Figure", "Sheet", "caption", "draw", "load_shipped", "pictures", "save_picture", "sheet_of"]


def sheet_of(document: Document, figure: Figure, name: str) -> Sheet:
    """A document's figure, ready for any format; ``name`` is the file that its command makes."""
    about = tuple(map(escaped, provenance(document, figure, name)))
    return Sheet(draw(document, figure), escaped(title(document)), about, figure.dpi)


def save_picture(document: Document, path: Path, figure: Figure | None = None) -> None:
    """Draw a document's circuit to a file, whole or not at all; the suffix names the format.

    Needs a QGuiApplication. Raises InputError where there is nothing to draw, the suffix is
    unknown, or the place cannot be written.
    """
    format_ = format_of(path)
    name = f"{Path(source_of(document)).stem}{path.suffix.lower()}"  # the bytes do not tell where they lie
    write_whole(path, format_.write(sheet_of(document, figure or Figure(), name)))


def format_of(path: Path) -> PictureFormat:
    """The format that a path's suffix names."""
    known = {entry.value.suffix: entry.value for entry in pictures.entries()}
    if path.suffix.lower() not in known:
        raise InputError(f"'{path.name}' is no picture's name; {', '.join(sorted(known))} can be written.")
    return known[path.suffix.lower()]
