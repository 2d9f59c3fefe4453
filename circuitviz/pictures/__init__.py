"""Pictures for papers, slides and the web."""

from __future__ import annotations

from pathlib import Path

from circuitviz.errors import InputError
from circuitviz.formats.disk import write_atomically
from circuitviz.formats.escapes import escape_text
from circuitviz.pictures.compose import caption, draw_figure, provenance_lines, document_file_name, document_title
from circuitviz.pictures.figure import FigureOptions
from circuitviz.pictures.measure import load_shipped_fonts
from circuitviz.pictures.registry import FigureFormat, FigurePage, figure_formats
from circuitviz.session import Document

__all__ = ["FigureOptions", "FigurePage", "caption", "draw_figure", "load_shipped_fonts", "figure_formats", "save_figure", "make_figure_page"]


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
    name = f"{Path(document_file_name(document)).stem}{path.suffix.lower()}"  # the bytes do not tell where they lie
    write_atomically(path, format_.write(make_figure_page(document, figure or FigureOptions(), name)))


def figure_format_for(path: Path) -> FigureFormat:
    """The format that a path's suffix names."""
    known = {entry.value.suffix: entry.value for entry in figure_formats.entries()}
    if path.suffix.lower() not in known:
        raise InputError(f"'{path.name}' is no picture's name; {', '.join(sorted(known))} can be written.")
    return known[path.suffix.lower()]
