"""Registry of data formats; each is one file that reads or writes documents of one suffix."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.registry import Registry, RegistryEntry


@runtime_checkable
class Format(Protocol):
    """Reads and writes documents. ``suffix`` may have two parts (``.graph.json``)."""

    suffix: str
    reads: bool
    writes: bool

    def read(self, path: Path) -> Document:
        """Read a document; InputError where the file is not one."""
        ...

    def write(self, document: Document, path: Path) -> None:
        """Write a document, whole or not at all."""
        ...


formats: Registry[Format] = Registry("format", "circuitviz.formats", "circuitviz.formats")


def format_for(path: Path, *, writing: bool) -> RegistryEntry[Format]:
    """Find the format that a path's suffix names, the longest suffix first.

    Raises:
        InputError: No format has this suffix, or the format is only written, or only read.
    """
    candidates = [e for e in formats.entries() if (e.value.writes if writing else e.value.reads)]
    suffixes = ", ".join(sorted(e.value.suffix for e in candidates))
    for entry in sorted(candidates, key=lambda e: -len(e.value.suffix)):
        if path.name.lower().endswith(entry.value.suffix):
            return entry
    verb, other_verb = ("written", "read") if writing else ("read", "written")
    for entry in formats.entries():
        if path.name.lower().endswith(entry.value.suffix):
            raise InputError(
                f"'{path.name}' cannot be {verb}: {entry.value.suffix} files are only {other_verb}. "
                f"Use a file of the same circuit with one of the suffixes {suffixes}."
            )
    raise InputError(f"'{path.name}' has no suffix that can be {verb}; {suffixes} can.")
