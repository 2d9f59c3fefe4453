"""Registry of the parts of a document's file: which keys of the manifest each writes and reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.manifest_graph import read_graph
from circuitviz.formats.migrations import FIRST_VERSION
from circuitviz.graph import Graph
from circuitviz.registry import Registry

Arrays = dict[str, "np.ndarray[Any, Any]"]


@dataclass
class FileContents:
    """A file's manifest and tensors, untrusted, as parts read them."""

    manifest: dict[str, Any]
    tensors: Arrays

    @cached_property
    def graph(self) -> Graph | None:
        """The graph of the model that the file belongs to."""
        return read_graph(self.manifest, self.tensors)

    def get(self, key: str, default: Any) -> Any:
        """A key's value; the default where an older file does not have it."""
        return self.manifest.get(key, default)

    def check_nodes(self, names: Iterable[str]) -> list[str]:
        """Return the names as a list; raises InputError where one is no node of the graph."""
        checked = list(names)
        for name in checked:
            if self.graph is None:
                raise InputError("it names nodes of no model")
            self.graph.node(name)
        return checked

    def check_edges(self, names: Iterable[str]) -> list[str]:
        """Return the names as a list; raises InputError where one is no edge of the graph."""
        checked = list(names)
        for name in checked:
            if self.graph is None:
                raise InputError("it names edges of no model")
            self.graph.edge(name)
        return checked


class DocumentPart:
    """One part of a document; a subclass names its keys and overrides what it needs.

    A missing key means the field's default, so that older files stay readable; a change of a key's meaning
    needs a step in ``formats/migrations``. Readers raise InputError with half a sentence that begins with
    'it' or 'its'; KeyError, TypeError and ValueError are reported as inconsistent contents.
    """

    keys: tuple[str, ...] = ()

    def write(self, document: Document) -> dict[str, Any]:
        """The part's keys with their values as JSON data."""
        raise NotImplementedError

    def tensors(self, document: Document) -> Arrays:
        """The part's tensors by name."""
        return {}

    def file_version(self, document: Document) -> int:
        """The lowest file version whose programs read what is written; earlier programs refuse the file."""
        return FIRST_VERSION

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Fields of ``State`` from a file."""
        return {}

    def attach(self, contents: FileContents, document: Document) -> None:
        """Set attributes of the document outside its state."""


def to_jsonable(value: Any) -> Any:
    """A value with tuples replaced by lists, also inside dicts."""
    if isinstance(value, dict):
        return {k: to_jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(v) for v in value]
    return value


parts: Registry[DocumentPart] = Registry("part of a file", "circuitviz.formats.parts", "circuitviz.parts")
