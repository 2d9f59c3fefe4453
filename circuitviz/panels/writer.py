"""Files are written and pictures drawn off the window's thread, and nothing that was asked for is lost."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal

from circuitviz.formats import save_document
from circuitviz.formats.disk import check_place
from circuitviz.jobs import Failed, Made, Make, Reply, Worker
from circuitviz.session import Document
from circuitviz.stopping import pause

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk

Told = Callable[[bool], None]
SAVE, EXPORT = "save", "export"


def nobody(_done: bool) -> None:
    """Nobody else waits to hear of it."""


class Writer(QObject):
    """Exports in a thread of their own, so that none keeps a document from the disk, or a preview from sight.

    ``changed`` tells that ``saving`` or ``exporting`` are others now.
    """

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self._worker, self._exports = Worker(parent=self), Worker(parent=self)
        for worker in (self._worker, self._exports):
            worker.replied.connect(self._reply)
        self._asked: dict[Hashable, Make] = {}

    @property
    def saving(self) -> list[Path]:
        """Documents that are not on the disk yet."""
        return self._places(SAVE)

    @property
    def exporting(self) -> list[Path]:
        """Other files that are not written yet."""
        return self._places(EXPORT)

    @property
    def busy(self) -> bool:
        """Whether anything is not on the disk yet."""
        return bool(self.saving or self.exporting)

    def saving_to(self, document: Document) -> Path | None:
        """Where a document is being saved now."""
        asked = (key for key in self._asked if isinstance(key, tuple) and key[0] == SAVE)
        return next((key[1] for key in asked if key[2] is document), None)

    def save(self, path: Path, told: Told = nobody) -> None:
        """Save the document as it is now, and tell whether it was saved; a failure is shown."""
        document, desk = self.desk.own, self.desk
        now = document.snapshot()

        def then(_result: object) -> None:
            document.mark_saved(path, now)
            if desk.own is document and not document.dirty:
                desk.undo.setClean()
            desk.say(f"Saved {path.name}")
            told(True)

        work = partial(save_document, now, path)
        self._ask(self._worker, Make((SAVE, path, document), work, then, partial(told, False)))

    def export(self, path: Path, work: Callable[[], object], told: Told = nobody, note: str = "") -> None:
        """Have another file written, and tell whether it was; a failure is shown.

        ``work`` writes it, of what nobody changes any more; ``note`` is said of the file once it is there.
        """

        def checked() -> None:
            pause()
            check_place(path)
            work()

        def then(_result: object) -> None:
            self.desk.say(f"Exported {path.name}{f'. {note}' if note else ''}")
            told(True)

        self.desk.say(f"Writing {path.name} …")
        self._ask(self._exports, Make((EXPORT, path), checked, then, partial(told, False)))

    def make(self, key: str, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Have something made; what was asked for under the same key before is not wanted any more."""
        if (before := self._asked.pop(key, None)) is not None:
            before.stopped.set()

        def take(result: Any) -> None:
            if not request.stopped.is_set():
                then(result)

        request = Make(key, work, take)
        self._ask(self._worker, request)

    def cancel(self) -> None:
        """Leave out what is being exported; what is being saved is saved."""
        for path in self.exporting:
            self._asked[EXPORT, path].stopped.set()

    def finish(self, seconds: float | None = None, exports: bool = True) -> bool:
        """Wait until all is written, for so long at most; returns whether it is.

        The window goes on being drawn meanwhile, but hears neither keys nor mouse.
        """
        loop = QEventLoop()

        def written() -> bool:
            return not (self.busy if exports else self.saving)

        def look() -> None:
            if written():
                loop.quit()

        if not written():
            self.changed.connect(look)
            if seconds is not None:
                QTimer.singleShot(round(1000 * seconds), loop, loop.quit)
            loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            self.changed.disconnect(look)
        return written()

    def stop(self) -> None:
        """End both threads when all is written, before the window goes."""
        self._worker.finish()
        self._exports.finish()

    def _ask(self, worker: Worker, request: Make) -> None:
        self._asked[request.key] = request
        worker.ask(request)
        worker.start()
        self.changed.emit()

    def _reply(self, reply: Reply) -> None:
        match reply:
            case Made(request=request, whole=True):
                self._answered(request)
                self.desk.guarded(request.then, reply.result)
                self.changed.emit()
            case Made(request=request):
                self._answered(request)
                request.failed()
                if isinstance(request.key, tuple):
                    self.desk.say(f"{request.key[1].name} was not written")
                self.changed.emit()
            case Failed(request=Make() as request):
                self._answered(request)
                request.failed()
                self.desk.say(reply.message)
                self.desk.failed.emit(reply)
                self.changed.emit()

    def _answered(self, request: Make) -> None:
        if self._asked.get(request.key) is request:
            del self._asked[request.key]

    def _places(self, kind: str) -> list[Path]:
        return [key[1] for key in self._asked if isinstance(key, tuple) and key[0] == kind]
