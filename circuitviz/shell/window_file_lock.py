"""Two windows that save one file would each destroy the other's work, so the second is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from circuitviz.errors import InputError
from circuitviz.formats.file_lock import FileLock, lock_document, lock_path

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class WindowFileLock(QObject):
    """The window's claim on the file that it has open."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.message_box: QMessageBox | None = None
        self._lock: FileLock | None = None
        self._path: Path | None = None

    def acquire_lock(self, path: Path) -> bool:
        """Claim a file, letting go of the one before; False where another window has it.

        Only our own documents are claimed: other tools' files are never written over.
        """
        path = Path(os.path.realpath(path))
        if path == self._path:
            return True
        claim: FileLock | None = None
        if path.suffix.lower() == ".circuit":
            try:
                claim = lock_document(path, "window")
            except OSError:  # no place for claims: better an open file than none
                return True
            if claim is None:
                return False
        self.release_lock()
        self._lock, self._path = claim, path
        return True

    def release_lock(self) -> None:
        """Let go."""
        if self._lock is not None:
            self._lock.release()
        self._lock = self._path = None

    def require_lock(self, path: Path) -> None:
        """InputError where another window has a file open that is to be written."""
        if not self.acquire_lock(path):
            raise InputError(
                f"'{path.name}' is open in another window{self._since_text(path)}; saving here would undo what "
                "is saved there. Save to another place, or close the other window first."
            )

    def offer_copy(self, path: Path) -> None:
        """Say that another window has a file, and offer a copy."""
        box = QMessageBox(QMessageBox.Icon.Information, "circuitviz", "", parent=self.window)
        box.setText(f"'{path.name}' is already open in another window{self._since_text(path)}")
        box.setInformativeText(
            "If both save, the later undoes what the earlier saved. A copy can be changed freely and "
            "saved to another place."
        )
        copy = box.addButton("Open a copy", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(copy)
        box.addButton(QMessageBox.StandardButton.Cancel)
        copy.clicked.connect(lambda: self.window.file_controller.open_copy(path))
        if self.message_box is not None:
            self.message_box.close()
            self.message_box.deleteLater()
        self.message_box = box
        box.open()

    def _since_text(self, path: Path) -> str:
        since = str(FileLock.read_owner(lock_path(path)).get("since", ""))
        return f" since {since[11:16]}" if since else ""
