"""A document as JSON, with a version, so that every later version can read it."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document, State
from circuitviz.formats.migrations import FILE_VERSION, migrate_manifest
from circuitviz.formats.parts import Arrays, FileContents, parts


def to_manifest(document: Document) -> dict[str, Any]:
    """Everything of a document but its tensors; keys that we did not understand are kept."""
    made = {**document.extra, "version": FILE_VERSION}
    for entry in parts.entries():
        made.update(entry.value.write(document))
    return made


def to_tensors(document: Document) -> Arrays:
    """The tensors of a document, by name."""
    made: Arrays = {}
    for entry in parts.entries():
        made.update(entry.value.tensors(document))
    return made


def from_manifest(manifest: dict[str, Any], tensors: Arrays) -> Document:
    """Put a document together; raises InputError or a plain error where parts do not fit."""
    opened = FileContents(migrate_manifest(manifest), tensors)
    values: dict[str, Any] = {}
    for entry in parts.entries():
        values.update(entry.value.state(opened))
    document = Document(State(**values))
    for entry in parts.entries():
        entry.value.attach(opened, document)
    known = {"version", *(key for entry in parts.entries() for key in entry.value.keys)}
    document.extra = {k: v for k, v in opened.manifest.items() if k not in known}
    return document
