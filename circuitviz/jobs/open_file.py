"""Reading a file takes as long as the file is large, and the window has better things to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.document import Document
from circuitviz.workbench.gc_pause import gc_paused
from circuitviz.workbench.requests.messages import Reply, Request

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class FileOpened(Reply):
    """What a file holds."""

    request: OpenFile
    document: Document


@dataclass(frozen=True)
class OpenFile(Request):
    """``read_document`` a document, off the window's thread; ``on_done`` takes it, in the thread that asked."""

    title = "The file was not opened"

    read_document: Callable[[], Document]
    on_done: Callable[[Document], None]

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The document, or InputError."""
        with gc_paused():
            document = self.read_document()
        yield FileOpened(self, document)


@dataclass(frozen=True)
class OpenComparisonFile(OpenFile):
    """The same for a circuit to compare with: neither makes the other void."""
