"""Notices when another program changes an open file, and asks before saving over that."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakKeyDictionary

from PySide6.QtCore import QFileSystemWatcher, QObject
from PySide6.QtWidgets import QMessageBox, QWidget

from circuitviz.document import Document
from circuitviz.shell.document_window import find_asking_window
from circuitviz.workspace import Workspace

FileStamp = tuple[int, int] | None


class ExternalChangeMonitor(QObject):
    """Remembers each document's file as it was when last read or written for that document."""

    def __init__(self, window: QWidget, workspace: Workspace) -> None:
        super().__init__(window)
        self._window, self._workspace = window, workspace
        self._stamps: WeakKeyDictionary[Document, tuple[Path, FileStamp]] = WeakKeyDictionary()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(lambda name: self._check_file(Path(name)))

    def watch_documents(self) -> None:
        """Watch the files of the documents that are open."""
        if watched := self._watcher.files():
            self._watcher.removePaths(watched)
        for tab in self._workspace.tabs.tabs:
            document = tab.user_document
            path = document.path
            if path is None:
                continue
            if document not in self._stamps or self._stamps[document][0] != path:
                self.record_stamp(document)
            if _read_stamp(path) is not None:
                self._watcher.addPath(str(path))

    def record_stamp(self, document: Document) -> None:
        """Remember the document's file as it is now: it was just read or written."""
        if document.path is not None:
            self._stamps[document] = document.path, _read_stamp(document.path)

    def has_changed(self, path: Path, document: Document) -> bool:
        """Whether a file was changed since, by another program or by saving another document there."""
        now = _read_stamp(path)
        if self._workspace.save_service.pending_saves:  # what happens to the file meanwhile is no surprise
            return False
        known = self._stamps.get(document)
        return now is not None and known is not None and path == known[0] and now != known[1]

    def confirm_overwrite(self, path: Path) -> bool:
        """Ask before the document in front is saved over what another program wrote."""
        if not self.has_changed(path, self._workspace.user_document):
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            find_asking_window(self._window),
            "circuitviz",
            f"'{path.name}' was changed by another program, or by saving another circuit there, since it was "
            "last read or written for this one. Saving replaces what it holds now; 'Save as…' keeps both. "
            "Save all the same?",
            buttons.Save | buttons.Cancel,
            buttons.Cancel,
        )
        return bool(choice == buttons.Save)

    def _check_file(self, path: Path) -> None:
        tab = self._workspace.tabs.tab_at(path)
        if tab is None or self._workspace.save_service.pending_saves:  # it is watched anew after that
            return
        if self.has_changed(path, tab.user_document):
            self._workspace.post_message(
                f"'{path.name}' was changed by another program; saving here will ask first, and opening it "
                "reads it again"
            )
        if path.exists():  # a file that was replaced is watched no more
            self._watcher.addPath(str(path))


def _read_stamp(path: Path) -> FileStamp:
    """Modification time of a file in ns and its size in bytes; None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
