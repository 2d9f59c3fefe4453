"""Locks the open files, so that two windows do not overwrite each other's work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox, QWidget
from shiboken6 import isValid

from circuitviz.errors import InputError
from circuitviz.formats.file_lock import FileLock, lock_document, lock_path
from circuitviz.shell.document_window import find_asking_window


class WindowFileLock(QObject):
    """Holds the locks of the files that the window has open."""

    def __init__(self, window: QWidget, open_copy: Callable[[Path], None]) -> None:
        """Hold no lock.

        Args:
            window: The main window.
            open_copy: Opens a copy of a file that another window has.
        """
        super().__init__(window)
        self._window, self._open_copy = window, open_copy
        self.message_box: QMessageBox | None = None
        self._locks: dict[Path, FileLock | None] = {}  # None: of a file that is never locked

    def acquire_lock(self, path: Path) -> bool:
        """Lock a file; False where another window has it.

        Only circuit files are locked: other tools' files are never written over.
        """
        path = Path(os.path.realpath(path))
        if path in self._locks:
            return True
        lock: FileLock | None = None
        if path.suffix.lower() == ".circuit":
            try:
                lock = lock_document(path, "window")
            except OSError:  # no folder for locks: better an open file than none
                return True
            if lock is None:
                return False
        self._locks[path] = lock
        return True

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Release the locks of all files but these."""
        kept = {Path(os.path.realpath(path)) for path in paths}
        for path in self._locks.keys() - kept:
            if (lock := self._locks.pop(path)) is not None:
                lock.release()

    def require_lock(self, path: Path) -> None:
        """Lock a file that is to be written.

        Raises:
            InputError: Where another window has it.
        """
        if not self.acquire_lock(path):
            raise InputError(
                f"'{path.name}' is open in another window{self._since_text(path)}; saving here would "
                "undo what is saved there. Save to another place, or close the other window first."
            )

    def offer_copy(self, path: Path) -> None:
        """Say that another window has a file, and offer a copy."""
        box = QMessageBox(
            QMessageBox.Icon.Information, "circuitviz", "", parent=find_asking_window(self._window)
        )
        box.setText(f"'{path.name}' is already open in another window{self._since_text(path)}")
        box.setInformativeText(
            "If both save, the later undoes what the earlier saved. A copy can be changed freely and "
            "saved to another place."
        )
        copy = box.addButton("Open a copy", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(copy)
        box.addButton(QMessageBox.StandardButton.Cancel)
        copy.clicked.connect(lambda: self._open_copy(path))
        if self.message_box is not None and isValid(self.message_box):  # it goes with its window
            self.message_box.close()
            self.message_box.deleteLater()
        self.message_box = box
        box.open()

    def _since_text(self, path: Path) -> str:
        since = str(FileLock.read_owner(lock_path(path)).get("since", ""))
        return f" since {since[11:16]}" if since else ""
