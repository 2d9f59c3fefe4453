"""Pictures for papers, slides and the web."""

from __future__ import annotations

import tempfile
from pathlib import Path

from circuitviz.canvas.picture import picture_of
from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.errors import InputError
from circuitviz.formats.disk import write_whole
from circuitviz.pictures.registry import Sheet, pictures
from circuitviz.session import Document

__all__ = ["Sheet", "pictures", "save_picture"]


def save_picture(
    document: Document, path: Path, theme: Theme = LIGHT, layout: str = "layered"
) -> None:
    """Paint a document's circuit to a file, whole or not at all; the suffix names the format.

    Needs a QGuiApplication. Raises InputError where there is nothing to draw, the suffix is
    unknown, or the place cannot be written.
    """
    known = {entry.value.suffix: entry.value for entry in pictures.entries()}
    format_ = known.get(path.suffix.lower())
    if format_ is None:
        raise InputError(f"'{path.name}' is no picture's name; {', '.join(sorted(known))} can be written.")
    picture = picture_of(document.state, layout)
    if not picture.nodes:
        raise InputError("There is no circuit to draw yet; find one first.")
    sheet = Sheet(picture, theme, document.path.name if document.path else "circuit", caption(document))
    with tempfile.TemporaryDirectory() as folder:
        painted = Path(folder) / f"picture{path.suffix.lower()}"
        format_.write(sheet, painted)
        write_whole(path, painted.read_bytes())


def caption(document: Document) -> str:
    """Model, task, method, size and faithfulness in a line."""
    state, numbers = document.state, document.evaluation
    parts = []
    if state.provenance is not None:
        where = state.provenance
        parts.append(f"{where.model}, {where.task}, {where.method}")
    if state.live is not None:
        parts.append(f"{state.live.n_edges:,} edges")
    value = numbers and numbers["faithfulness"]["value"]
    if value is not None and value != "":
        parts.append(f"faithfulness {value:.3f}")
    return " · ".join(parts)
