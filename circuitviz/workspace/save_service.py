"""Files are written and pictures drawn on pool threads, and nothing that was asked for is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal

from circuitviz.document import Document
from circuitviz.formats import save_document
from circuitviz.formats.file_io import check_writable
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.task_pool import TaskPool
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.tabs import TabList

DoneCallback = Callable[[bool], None]
SAVE_LANE, EXPORT_LANE, DRAW_LANE = "save", "export", "draw"  # none keeps another waiting


def ignore_result(_is_written: bool) -> None:
    """The callback of whoever does not need to hear whether a file was written."""


@dataclass(eq=False)
class _PendingWrite:
    """A file that is not on the disk yet; ``document`` where it is saved there."""

    path: Path
    document: Document | None
    handle: JobHandle


class SaveService(QObject):
    """Saves documents, writes exports, draws previews. ``changed``: other files are pending now."""

    changed = Signal()

    def __init__(
        self, pool: TaskPool, tabs: TabList, notifier: Notifier, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._pool, self._tabs, self._notifier = pool, tabs, notifier
        self._writes: list[_PendingWrite] = []

    @property
    def pending_saves(self) -> list[Path]:
        """Documents that are not on the disk yet."""
        return list(dict.fromkeys(write.path for write in self._writes if write.document is not None))

    @property
    def pending_exports(self) -> list[Path]:
        """Other files that are not written yet."""
        return list(dict.fromkeys(write.path for write in self._writes if write.document is None))

    @property
    def is_busy(self) -> bool:
        """Whether anything is not on the disk yet."""
        return bool(self._writes)

    def pending_save_path(self, document: Document) -> Path | None:
        """Where a document is being saved now."""
        return next((write.path for write in self._writes if write.document is document), None)

    def start_save(self, path: Path, on_done: DoneCallback = ignore_result) -> None:
        """Save the document of the tab in front as it is now; a failure is shown.

        Args:
            path: Where to.
            on_done: Told whether it was saved.
        """
        document = self._tabs.front.user_document
        snapshot = document.snapshot()

        def on_saved(_result: object) -> None:
            document.mark_saved(path, snapshot)
            if (tab := self._tabs.tab_of(document)) is not None and not document.is_dirty:
                tab.undo_stack.setClean()
            self._notifier.post_message(f"Saved {path.name}")
            on_done(True)

        work = partial(save_document, snapshot, path)
        self._write(path, document, work, SAVE_LANE, f"Could not save {path.name}", on_saved, on_done)

    def start_export(
        self, path: Path, work: Callable[[], object], on_done: DoneCallback = ignore_result, note: str = ""
    ) -> None:
        """Have another file written; a failure is shown.

        Args:
            path: Where to.
            work: Writes the file, of values that no longer change.
            on_done: Told whether it was written.
            note: Said of the file once it is there.
        """

        def checked() -> None:
            check_writable(path)
            work()

        def on_written(_result: object) -> None:
            self._notifier.post_message(f"Exported {path.name}{f'. {note}' if note else ''}")
            self._notifier.file_written.emit(path)
            on_done(True)

        self._notifier.post_message(f"Writing {path.name} …")
        self._write(path, None, checked, EXPORT_LANE, f"Could not export {path.name}", on_written, on_done)

    def run_latest(
        self, key: str, work: Callable[[], Any], on_result: Callable[[Any], None], title: str
    ) -> JobHandle:
        """Compute something off the window's thread; a later call with the same key takes its place.

        Args:
            key: What it is for.
            work: Called on a pool thread.
            on_result: Given what ``work`` returned, unless it was replaced.
            title: Names the operation, if it fails.
        """
        handle = self._pool.submit(work, lane=DRAW_LANE, title=title, key=key)
        handle.finished.connect(lambda result: self._notifier.run_guarded(on_result, result, title=title))
        handle.failed.connect(self._notifier.report_failure)
        return handle

    def cancel_exports(self) -> None:
        """Do not write what is being exported; what is being saved is saved."""
        for write in [write for write in self._writes if write.document is None]:
            write.handle.cancel()

    def wait_until_written(self, timeout_s: float | None = None, include_exports: bool = True) -> bool:
        """Wait until everything is written.

        The window goes on being drawn meanwhile, but hears neither keys nor mouse.

        Args:
            timeout_s: Wait this long at most.
            include_exports: Whether to wait for exports, too.

        Returns:
            Whether everything is written.
        """
        loop = QEventLoop()

        def is_written() -> bool:
            return not (self.is_busy if include_exports else self.pending_saves)

        def quit_when_written() -> None:
            if is_written():
                loop.quit()

        if not is_written():
            self.changed.connect(quit_when_written)
            if timeout_s is not None:
                QTimer.singleShot(round(1000 * timeout_s), loop, loop.quit)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            self.changed.disconnect(quit_when_written)
        return is_written()

    def stop(self) -> None:
        """Wait until everything is written, before the window goes."""
        self._pool.finish(SAVE_LANE, EXPORT_LANE)

    def _write(
        self, path: Path, document: Document | None, work: Callable[[], object], lane: str, title: str,
        on_written: Callable[[object], None], on_done: DoneCallback,
    ) -> None:  # fmt: skip
        key = (path, document)  # of several that wait only the last is written
        handle = self._pool.submit(work, lane=lane, title=title, key=key, replaces_running=False)
        write = _PendingWrite(path, document, handle)
        self._writes.append(write)

        def on_failed(failure: JobFailed) -> None:
            self._writes.remove(write)
            on_done(False)
            self._notifier.report_failure(failure)
            self.changed.emit()

        def on_finished(result: object) -> None:
            self._writes.remove(write)
            self._notifier.run_guarded(on_written, result, title=title)
            self.changed.emit()

        def on_cancelled() -> None:
            self._writes.remove(write)
            is_replaced = any((other.path, other.document) == key for other in self._writes)
            if not is_replaced:
                on_done(False)
                self._notifier.post_message(f"Writing {path.name} was cancelled")
            self.changed.emit()

        write.handle.finished.connect(on_finished)
        write.handle.failed.connect(on_failed)
        write.handle.cancelled.connect(on_cancelled)
        self.changed.emit()
