"""Files are read in a thread of their own: they need no model, and do not wait for one that is loading."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.document import Document
from circuitviz.formats import import_document, open_document
from circuitviz.jobs import FileOpened, OpenFile, Preload, Worker
from circuitviz.workbench.requests.messages import JobFailed, Reply

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


class FileLoader(QObject):
    """Asks for files; what comes goes to whoever asked, what cannot be read to the person."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self._worker = Worker(parent=self)
        self._worker.replied.connect(self._handle_reply)

    def start(self) -> None:
        """Begin with what waits, unless it has begun."""
        self._worker.start()

    def preload_modules(self, *loaders: Callable[[], object]) -> None:
        """Have modules imported, as soon as the thread runs."""
        self._worker.submit(Preload(loaders))

    def load_file(self, request: OpenFile) -> None:
        """Read a file; a later wish of the same kind takes the place of one that waits."""
        self._worker.submit(request)
        self.start()

    def open_file(self, path: Path, on_opened: Callable[[Document], None]) -> None:
        """Read a document, or another tool's file."""
        read = open_document if path.name.lower().endswith(".circuit") else import_document
        self.workspace.post_message(f"Opening {path.name} …")
        self.load_file(OpenFile(partial(read, path), on_opened))

    def stop(self) -> None:
        """End the thread, before the window goes."""
        self._worker.stop()

    def _handle_reply(self, reply: Reply) -> None:
        match reply:
            case FileOpened():
                self.workspace.run_guarded(reply.request.on_done, reply.document)
            case JobFailed():
                self.workspace.post_message(reply.message)
                self.workspace.failure_reported.emit(reply)
