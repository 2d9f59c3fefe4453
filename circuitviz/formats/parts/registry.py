"""One part of a document is one file: the manifest's keys it owns, and how they are written and read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.manifest_graph import read_graph
from circuitviz.graph import Graph
from circuitviz.registry import Registry

Arrays = dict[str, "np.ndarray[Any, Any]"]


@dataclass
class FileContents:
    """A file's manifest and tensors, as parts read them; nothing in it is to be trusted."""

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
        """The names, where each is a node of the graph; else InputError."""
        checked = list(names)
        for name in checked:
            if self.graph is None:
                raise InputError("it names nodes of no model")
            self.graph.node(name)
        return checked

    def check_edges(self, names: Iterable[str]) -> list[str]:
        """The names, where each is an edge of the graph; else InputError."""
        checked = list(names)
        for name in checked:
            if self.graph is None:
                raise InputError("it names edges of no model")
            self.graph.edge(name)
        return checked


class DocumentPart:
    """One part of a document. A subclass names its keys and overrides what it needs.

    A key that a file lacks means the field's default, so older files stay readable; a change of
    what a key means is a step in ``formats/migrations``. Readers raise InputError with a half
    sentence that begins with 'it' or 'its'; a plain KeyError, TypeError or ValueError is told as
    contents that do not fit together.
    """

    keys: tuple[str, ...] = ()

    def write(self, document: Document) -> dict[str, Any]:
        """The part's keys with values ready for JSON."""
        raise NotImplementedError

    def tensors(self, document: Document) -> Arrays:
        """What is kept as tensors, by name."""
        return {}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """Keywords of ``State`` read from a file."""
        return {}

    def attach(self, opened: FileContents, document: Document) -> None:
        """Set what a document holds outside its state."""


def to_jsonable(value: Any) -> Any:
    """The same in dicts and lists, as JSON has them."""
    if isinstance(value, dict):
        return {k: to_jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(v) for v in value]
    return value


parts: Registry[DocumentPart] = Registry("part of a file", "circuitviz.formats.parts", "circuitviz.parts")
