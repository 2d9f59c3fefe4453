"""Conversion of a document to and from a versioned JSON manifest and tensors."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document, State
from circuitviz.formats.migrations import migrate_manifest
from circuitviz.formats.parts import Arrays, FileContents, parts


def to_manifest(document: Document) -> dict[str, Any]:
    """The JSON data of a document, with unknown keys of the file that it was read from.

    Its version is the lowest that the document can be read in.
    """
    version = max(entry.value.file_version(document) for entry in parts.entries())
    manifest = {**document.extra, "version": version}
    for entry in parts.entries():
        manifest.update(entry.value.write(document))
    return manifest


def to_tensors(document: Document) -> Arrays:
    """The tensors of a document, by name."""
    tensors: Arrays = {}
    for entry in parts.entries():
        tensors.update(entry.value.tensors(document))
    return tensors


def from_manifest(manifest: dict[str, Any], tensors: Arrays) -> Document:
    """Build a document; raises InputError, or KeyError and the like, where the data is inconsistent."""
    contents = FileContents(migrate_manifest(manifest), tensors)
    values: dict[str, Any] = {}
    for entry in parts.entries():
        values.update(entry.value.state(contents))
    document = Document(State(**values))
    for entry in parts.entries():
        entry.value.attach(contents, document)
    known_keys = {"version", *(key for entry in parts.entries() for key in entry.value.keys)}
    document.extra = {k: v for k, v in contents.manifest.items() if k not in known_keys}
    return document
