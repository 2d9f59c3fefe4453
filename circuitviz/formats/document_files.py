"""Documents from files, and files from documents, whatever their format."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.file_io import read_bytes
from circuitviz.formats.file_lock import document_locked
from circuitviz.formats.registry import Format, format_for, formats

MAX_ERROR_LENGTH = 400  # letters of what is said of a bad file


def open_document(path: Path | str) -> Document:
    """Open a ``.circuit`` file; InputError in a sentence where that cannot be."""
    return _read_document(formats.get("circuit").value, Path(path))


def save_document(document: Document, path: Path | str) -> None:
    """Save a document as ``.circuit``, whole or not at all."""
    formats.get("circuit").value.write(document, Path(path))
    document.mark_saved(Path(path))


@contextlib.contextmanager
def change_document(path: Path | str) -> Iterator[Document]:
    """Open a document, let the caller change it, and save what was changed; no other process comes between.

    Raises InputError where a window or another command holds the file, or where another program wrote it
    between opening and saving; the file is as that left it then.
    """
    path = Path(path)
    with document_locked(path):
        before = _file_stamp(path)
        document = open_document(path)
        yield document
        if not document.is_dirty:
            return
        if _file_stamp(path) != before:
            raise InputError(
                f"'{path.name}' was written by another program while this command changed it; nothing was "
                "saved. Run the command again."
            )
        save_document(document, path)


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    """A file's identity, when it was written, in ns, and its size in bytes; None where there is none."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_ino, now.st_mtime_ns, now.st_size


def export_document(document: Document, path: Path | str) -> None:
    """Write a document in the format that the path's suffix names."""
    format_for(Path(path), writing=True).value.write(document, Path(path))


def import_document(path: Path | str) -> Document:
    """Read another tool's file, by its suffix; ``extra["imported"]`` says which file that was."""
    entry = format_for(Path(path), writing=False)
    document = _read_document(entry.value, Path(path))
    if entry.name != "circuit":
        digest = hashlib.sha256(read_bytes(Path(path))).hexdigest()
        document.extra["imported"] = {"file": Path(path).name, "format": entry.name, "sha256": digest}
    return document


def export_warning(document: Document, path: Path | str) -> str:
    """What a person should know of the file that is going to be written, in a sentence; mostly nothing."""
    circuit = document.state.circuit
    try:
        warning = format_for(Path(path), writing=True).extra.get("warning")
    except InputError:
        return ""  # writing it will say so
    return str(warning(circuit.n_edges)) if warning and circuit is not None else ""


def _read_document(format: Format, path: Path) -> Document:
    """Read a file; what is said of a bad one is a sentence on one line, whatever it quotes."""
    try:
        return format.read(path)
    except InputError as error:
        text = " ".join(str(error).split())
        middle = (MAX_ERROR_LENGTH - 3) // 2
        short = text if len(text) <= MAX_ERROR_LENGTH else f"{text[:middle]} … {text[-middle:]}"
        raise InputError(short) from error.__cause__
    except OverflowError:
        raise InputError(
            f"'{path.name}' holds a number that is too large; numbers up to 1.8e308 would be right."
        ) from None
    except (MemoryError, RecursionError):
        raise InputError(f"'{path.name}' is larger than this machine's memory can take.") from None
