"""A document's circuit as a picture file."""

from __future__ import annotations

from pathlib import Path

from circuitviz.document import Document
from circuitviz.draw.registry import FigureFormat, FigurePage, figure_formats
from circuitviz.errors import InputError
from circuitviz.formats.file_io import write_atomically
from circuitviz.formats.text_escapes import escape_text
from circuitviz.shapes.circuit_figure import draw_figure
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import document_file_name, document_title, provenance_lines


def make_figure_page(document: Document, figure: FigureOptions, name: str) -> FigurePage:
    """A document's figure, ready for any format; ``name`` is the file that its command makes."""
    about = tuple(map(escape_text, provenance_lines(document, figure, name)))
    return FigurePage(draw_figure(document, figure), escape_text(document_title(document)), about, figure.dpi)


def save_figure(document: Document, path: Path, figure: FigureOptions | None = None) -> None:
    """Draw a document's circuit to a file, whole or not at all; the suffix names the format.

    Needs a QGuiApplication. Raises InputError where there is nothing to draw, the suffix is
    unknown, or the place cannot be written.
    """
    format_ = figure_format_for(path)
    # without its folder, so that the bytes do not tell where the file lies
    name = f"{Path(document_file_name(document)).stem}{path.suffix.lower()}"
    write_atomically(path, format_.write(make_figure_page(document, figure or FigureOptions(), name)))


def figure_format_for(path: Path) -> FigureFormat:
    """The format that a path's suffix names."""
    known = {entry.value.suffix: entry.value for entry in figure_formats.entries()}
    if path.suffix.lower() not in known:
        raise InputError(f"'{path.name}' is no picture's name; {', '.join(sorted(known))} can be written.")
    return known[path.suffix.lower()]
