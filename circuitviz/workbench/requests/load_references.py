"""References that ship are read off the window's thread: the first file read loads every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.document import Document
from circuitviz.formats import import_document
from circuitviz.formats.reference_circuit import list_references
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ReferencesLoaded(Reply):
    """Every reference by its name; the worker keeps none of them."""

    documents: dict[str, Document]


@dataclass(frozen=True)
class LoadReferences(Request):
    """Ask for the references."""

    title = "Could not read the reference circuits"
    priority = Priority.WITHOUT_MODEL

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply: all of them."""
        yield ReferencesLoaded({name: import_document(path) for name, path in list_references().items()})
