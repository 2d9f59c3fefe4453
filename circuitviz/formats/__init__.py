"""Reading and writing documents and other tools' files."""

from __future__ import annotations

from pathlib import Path

from circuitviz.formats.registry import Format, format_for, formats
from circuitviz.session import Document

__all__ = [
    "Format",
    "Document",
    "export_document",
    "format_for",
    "formats",
    "import_document",
    "open_document",
    "save_document",
]


def open_document(path: Path | str) -> Document:
    """Open a ``.circuit`` file; InputError in a sentence where that cannot be."""
    return formats.get("circuit").value.read(Path(path))


def save_document(document: Document, path: Path | str) -> None:
    """Save a document as ``.circuit``, whole or not at all."""
    formats.get("circuit").value.write(document, Path(path))
    document.mark_saved(Path(path))


def export_document(document: Document, path: Path | str) -> None:
    """Write a document in the format that the path's suffix names."""
    format_for(Path(path), writing=True).value.write(document, Path(path))


def import_document(path: Path | str) -> Document:
    """Read another tool's file, by its suffix."""
    return format_for(Path(path), writing=False).value.read(Path(path))
