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

MAX_ERROR_LENGTH = 400  # characters of the message about an unreadable file


def open_document(path: Path | str) -> Document:
    """Open a ``.circuit`` file.

    Raises:
        InputError: The file cannot be read as a document.
    """
    return _read_document(formats.get("circuit").value, Path(path))


def save_document(document: Document, path: Path | str) -> None:
    """Save a document as ``.circuit``, whole or not at all."""
    formats.get("circuit").value.write(document, Path(path))
    document.mark_saved(Path(path))


@contextlib.contextmanager
def change_document(path: Path | str) -> Iterator[Document]:
    """Open a document under its lock, yield it, and save it if it was changed.

    Raises:
        InputError: A window or another command holds the file, or another program wrote it in the meantime;
            then nothing is saved.
    """
    path = Path(path)
    with document_locked(path):
        stamp = _file_stamp(path)
        document = open_document(path)
        yield document
        if not document.is_dirty:
            return
        if _file_stamp(path) != stamp:
            raise InputError(
                f"'{path.name}' was written by another program while this command changed it; nothing was "
                "saved. Run the command again."
            )
        save_document(document, path)


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    """Inode, modification time in ns and size in bytes of a file; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def export_document(document: Document, path: Path | str) -> None:
    """Write a document in the format that the path's suffix names."""
    format_for(Path(path), writing=True).value.write(document, Path(path))


def import_document(path: Path | str) -> Document:
    """Read another tool's file, by its suffix; ``extra["imported"]`` records name, format and hash."""
    entry = format_for(Path(path), writing=False)
    document = _read_document(entry.value, Path(path))
    if entry.name != "circuit":
        digest = hashlib.sha256(read_bytes(Path(path))).hexdigest()
        document.extra["imported"] = {"file": Path(path).name, "format": entry.name, "sha256": digest}
    return document


def export_warning(document: Document, path: Path | str) -> str:
    """A warning about the file that will be written; empty where there is none."""
    circuit = document.state.circuit
    try:
        warning = format_for(Path(path), writing=True).extra.get("warning")
    except InputError:
        return ""  # writing will fail with this error
    return str(warning(circuit.n_edges)) if warning and circuit is not None else ""


def _read_document(format: Format, path: Path) -> Document:
    """Read a file; error messages are cut to one line of ``MAX_ERROR_LENGTH`` characters."""
    try:
        return format.read(path)
    except InputError as error:
        text = " ".join(str(error).split())
        middle = (MAX_ERROR_LENGTH - 3) // 2
        message = text if len(text) <= MAX_ERROR_LENGTH else f"{text[:middle]} … {text[-middle:]}"
        raise InputError(message) from error.__cause__
    except OverflowError:
        raise InputError(
            f"'{path.name}' holds a number that is too large; numbers up to 1.8e308 would be right."
        ) from None
    except (MemoryError, RecursionError):
        raise InputError(f"'{path.name}' is larger than this machine's memory can take.") from None
