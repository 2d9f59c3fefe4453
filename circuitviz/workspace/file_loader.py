"""Files are read on a pool thread: they need no model, and do not wait for one that is loading."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path

from circuitviz.cancellation import check_cancelled
from circuitviz.document import Document
from circuitviz.formats import import_document, open_document
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.task_pool import TaskPool
from circuitviz.workspace.notifier import Notifier

LANE = "read"


class FileLoader:
    """Reads documents; what cannot be read is reported."""

    def __init__(self, pool: TaskPool, notifier: Notifier) -> None:
        self._pool, self._notifier = pool, notifier

    def open_file(self, path: Path, on_opened: Callable[[Document], None]) -> JobHandle:
        """Read a document or another tool's file; one that is still being read from there is dropped."""
        read = open_document if path.name.lower().endswith(".circuit") else import_document
        self._notifier.post_message(f"Opening {path.name} …")
        return self.load(partial(read, path), on_opened, f"Could not open {path.name}", key=path)

    def load(
        self, read: Callable[[], Document], on_loaded: Callable[[Document], None], title: str, key: Hashable
    ) -> JobHandle:
        """Read a document.

        Args:
            read: Called on a pool thread.
            on_loaded: Given the document, in the window's thread; may raise InputError.
            title: Names the operation, if it fails.
            key: A later load with the same key takes the place of the earlier one.
        """
        handle = self._pool.submit(read, lane=LANE, title=title, key=key)
        handle.finished.connect(lambda document: self._notifier.run_guarded(on_loaded, document, title=title))
        handle.finished.connect(lambda document: [*map(self._notifier.post_message, document.notices)])
        handle.failed.connect(self._notifier.report_failure)
        return handle

    def preload_modules(self, *loaders: Callable[[], object]) -> None:
        """Import what will be needed soon, so that its first use does not stall the window.

        Args:
            *loaders: Functions that import modules or walk registries, and create no Qt objects.
        """

        def load_all() -> None:
            for load in loaders:
                check_cancelled()
                load()

        handle = self._pool.submit(load_all, lane=LANE, title="Could not load a part of the application")
        handle.failed.connect(self._notifier.report_failure)
