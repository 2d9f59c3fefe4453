"""Files are written and pictures drawn off the window's thread, and nothing that was asked for is lost."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal

from circuitviz.cancellation import check_cancelled
from circuitviz.document import Document
from circuitviz.formats import save_document
from circuitviz.formats.file_io import check_writable
from circuitviz.jobs import RunTask, TaskDone, Worker
from circuitviz.workbench.requests.messages import JobFailed, Reply

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace

DoneCallback = Callable[[bool], None]
SAVE_KIND, EXPORT_KIND = "save", "export"


def ignore_result(_is_written: bool) -> None:
    """Nobody else waits to hear of it."""


class SaveService(QObject):
    """Exports in a thread of their own, so that none keeps a document from the disk, or a preview from sight.

    ``changed`` tells that ``pending_saves`` or ``pending_exports`` are others now.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self._save_worker, self._export_worker = Worker(parent=self), Worker(parent=self)
        for worker in (self._save_worker, self._export_worker):
            worker.replied.connect(self._handle_reply)
        self._pending_requests: dict[Hashable, RunTask] = {}

    @property
    def pending_saves(self) -> list[Path]:
        """Documents that are not on the disk yet."""
        return self._pending_paths(SAVE_KIND)

    @property
    def pending_exports(self) -> list[Path]:
        """Other files that are not written yet."""
        return self._pending_paths(EXPORT_KIND)

    @property
    def is_busy(self) -> bool:
        """Whether anything is not on the disk yet."""
        return bool(self.pending_saves or self.pending_exports)

    def pending_save_path(self, document: Document) -> Path | None:
        """Where a document is being saved now."""
        asked = (key for key in self._pending_requests if isinstance(key, tuple) and key[0] == SAVE_KIND)
        return next((key[1] for key in asked if key[2] is document), None)

    def start_save(self, path: Path, on_done: DoneCallback = ignore_result) -> None:
        """Save the document as it is now, and tell whether it was saved; a failure is shown."""
        document, desk = self.workspace.user_document, self.workspace
        now = document.snapshot()

        def then(_result: object) -> None:
            document.mark_saved(path, now)
            if desk.user_document is document and not document.is_dirty:
                desk.undo_stack.setClean()
            desk.post_message(f"Saved {path.name}")
            on_done(True)

        work = partial(save_document, now, path)
        self._submit(
            self._save_worker, RunTask((SAVE_KIND, path, document), work, then, partial(on_done, False))
        )

    def start_export(
        self, path: Path, work: Callable[[], object], on_done: DoneCallback = ignore_result, note: str = ""
    ) -> None:
        """Have another file written, and tell whether it was; a failure is shown.

        ``work`` writes it, of what nobody changes any more; ``note`` is said of the file once it is there.
        """

        def checked() -> None:
            check_cancelled()
            check_writable(path)
            work()

        def then(_result: object) -> None:
            self.workspace.post_message(f"Exported {path.name}{f'. {note}' if note else ''}")
            on_done(True)

        self.workspace.post_message(f"Writing {path.name} …")
        self._submit(
            self._export_worker, RunTask((EXPORT_KIND, path), checked, then, partial(on_done, False))
        )

    def run_latest(self, key: str, work: Callable[[], Any], on_result: Callable[[Any], None]) -> None:
        """Have something made; what was asked for under the same key before is not wanted any more."""
        if (before := self._pending_requests.pop(key, None)) is not None:
            before.cancel_event.set()

        def take(result: Any) -> None:
            if not request.cancel_event.is_set():
                on_result(result)

        request = RunTask(key, work, take)
        self._submit(self._save_worker, request)

    def cancel_exports(self) -> None:
        """Leave out what is being exported; what is being saved is saved."""
        for path in self.pending_exports:
            self._pending_requests[EXPORT_KIND, path].cancel_event.set()

    def wait_until_written(self, timeout_s: float | None = None, include_exports: bool = True) -> bool:
        """Wait until all is written, for so long at most; returns whether it is.

        The window goes on being drawn meanwhile, but hears neither keys nor mouse.
        """
        loop = QEventLoop()

        def written() -> bool:
            return not (self.is_busy if include_exports else self.pending_saves)

        def look() -> None:
            if written():
                loop.quit()

        if not written():
            self.changed.connect(look)
            if timeout_s is not None:
                QTimer.singleShot(round(1000 * timeout_s), loop, loop.quit)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            self.changed.disconnect(look)
        return written()

    def stop(self) -> None:
        """End both threads when all is written, before the window goes."""
        self._save_worker.finish_and_stop()
        self._export_worker.finish_and_stop()

    def _submit(self, worker: Worker, request: RunTask) -> None:
        self._pending_requests[request.key] = request
        worker.submit(request)
        worker.start()
        self.changed.emit()

    def _handle_reply(self, reply: Reply) -> None:
        match reply:
            case TaskDone(request=request, is_complete=True):
                self._forget_request(request)
                self.workspace.run_guarded(request.on_done, reply.result)
                self.changed.emit()
            case TaskDone(request=request):
                self._forget_request(request)
                request.on_failure()
                if isinstance(request.key, tuple):
                    self.workspace.post_message(f"{request.key[1].name} was not written")
                self.changed.emit()
            case JobFailed(request=RunTask() as request):
                self._forget_request(request)
                request.on_failure()
                self.workspace.post_message(reply.message)
                self.workspace.failure_reported.emit(reply)
                self.changed.emit()

    def _forget_request(self, request: RunTask) -> None:
        if self._pending_requests.get(request.key) is request:
            del self._pending_requests[request.key]

    def _pending_paths(self, kind: str) -> list[Path]:
        return [key[1] for key in self._pending_requests if isinstance(key, tuple) and key[0] == kind]
