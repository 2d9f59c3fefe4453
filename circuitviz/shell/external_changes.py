"""A file may be changed by another program while it is open here; saving must not destroy that unasked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QFileSystemWatcher, QObject
from PySide6.QtWidgets import QMessageBox

from circuitviz.document import Document

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

FileStamp = tuple[int, int] | None


class ExternalChangeMonitor(QObject):
    """Knows of each document what its file was like when it was last read or written for that document."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self._stamps: WeakKeyDictionary[Document, tuple[Path, FileStamp]] = WeakKeyDictionary()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(lambda _name: self._check_file())

    def watch_document(self, document: Document) -> None:
        """This document is on the screen; a file that it was not on the screen with before was just read."""
        if watched := self._watcher.files():
            self._watcher.removePaths(watched)
        path = document.path
        if path is None:
            return
        if document not in self._stamps or self._stamps[document][0] != path:
            self.record_stamp(document)
        if _read_stamp(path) is not None:
            self._watcher.addPath(str(path))

    def record_stamp(self, document: Document) -> None:
        """The document's file was just read or written for it."""
        if document.path is not None:
            self._stamps[document] = document.path, _read_stamp(document.path)

    def has_changed(self, path: Path) -> bool:
        """Whether another program, or another document, was written there since."""
        now, document = _read_stamp(path), self.window.workspace.user_document
        if (
            self.window.workspace.save_service.pending_saves
        ):  # what happens to the file meanwhile is no surprise
            return False
        known = self._stamps.get(document)
        return now is not None and known is not None and path == known[0] and now != known[1]

    def confirm_overwrite(self, path: Path) -> bool:
        """Ask before what another program wrote is lost."""
        if not self.has_changed(path):
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            self.window,
            "circuitviz",
            f"'{path.name}' was changed by another program, or by saving another circuit there, since it was "
            "last read or written for this one. Saving replaces what it holds now; 'Save as…' keeps both. "
            "Save all the same?",
            buttons.Save | buttons.Cancel,
            buttons.Cancel,
        )
        return bool(choice == buttons.Save)

    def _check_file(self) -> None:
        path = self.window.workspace.user_document.path
        if (
            path is None or self.window.workspace.save_service.pending_saves
        ):  # it is followed anew when that is done
            return
        if self.has_changed(path):
            self.window.workspace.post_message(
                f"'{path.name}' was changed by another program; saving here will ask first"
            )
        if path.exists():  # a file that was replaced is watched no more
            self._watcher.addPath(str(path))


def _read_stamp(path: Path) -> FileStamp:
    """When a file was written, in ns, and its size in bytes; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
