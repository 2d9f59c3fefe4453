"""Files are read in a thread of their own: they need no model, and do not wait for one that is loading."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.formats import import_document, open_document
from circuitviz.jobs import Failed, Opened, OpenFile, Preload, Reply, Worker
from circuitviz.session import Document

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk


class Reader(QObject):
    """Asks for files; what comes goes to whoever asked, what cannot be read to the person."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self._worker = Worker(parent=self)
        self._worker.replied.connect(self._reply)

    def start(self) -> None:
        """Begin with what waits, unless it has begun."""
        self._worker.start()

    def preload(self, *work: Callable[[], object]) -> None:
        """Have modules imported, as soon as the thread runs."""
        self._worker.ask(Preload(work))

    def fetch(self, request: OpenFile) -> None:
        """Read a file; a later wish of the same kind takes the place of one that waits."""
        self._worker.ask(request)
        self.start()

    def open(self, path: Path, then: Callable[[Document], None]) -> None:
        """Read a document, or another tool's file."""
        read = open_document if path.name.lower().endswith(".circuit") else import_document
        self.desk.say(f"Opening {path.name} …")
        self.fetch(OpenFile(partial(read, path), then))

    def stop(self) -> None:
        """End the thread, before the window goes."""
        self._worker.stop()

    def _reply(self, reply: Reply) -> None:
        match reply:
            case Opened():
                self.desk.guarded(reply.request.then, reply.document)
            case Failed():
                self.desk.say(reply.message)
                self.desk.failed.emit(reply)
