"""Reading a file takes as long as the file is large, and the window has better things to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.messages import Reply, Request
from circuitviz.jobs.unswept import unswept
from circuitviz.session import Document

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Opened(Reply):
    """What a file holds."""

    request: OpenFile
    document: Document


@dataclass(frozen=True)
class OpenFile(Request):
    """``read`` a document, off the window's thread; ``then`` takes it, in the thread that asked."""

    title = "The file was not opened"

    read: Callable[[], Document]
    then: Callable[[Document], None]

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """The document, or InputError."""
        with unswept():
            document = self.read()
        yield Opened(self, document)


@dataclass(frozen=True)
class OpenBeside(OpenFile):
    """The same for a circuit to compare with: neither makes the other void."""
