"""Two windows that save one file would each destroy the other's work, so the second is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from circuitviz.errors import InputError
from circuitviz.formats.claims import Claim, claim_file, claim_path

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Ownership(QObject):
    """The window's claim on the file that it has open."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.question: QMessageBox | None = None
        self._claim: Claim | None = None
        self._path: Path | None = None

    def take(self, path: Path) -> bool:
        """Claim a file, letting go of the one before; False where another window has it.

        Only our own documents are claimed: other tools' files are never written over.
        """
        path = Path(os.path.realpath(path))
        if path == self._path:
            return True
        claim: Claim | None = None
        if path.suffix.lower() == ".circuit":
            try:
                claim = claim_file(path, "window")
            except OSError:  # no place for claims: better an open file than none
                return True
            if claim is None:
                return False
        self.release()
        self._claim, self._path = claim, path
        return True

    def release(self) -> None:
        """Let go."""
        if self._claim is not None:
            self._claim.release()
        self._claim = self._path = None

    def check(self, path: Path) -> None:
        """InputError where another window has a file open that is to be written."""
        if not self.take(path):
            raise InputError(
                f"'{path.name}' is open in another window{self._since(path)}; saving here would undo what "
                "is saved there. Save to another place, or close the other window first."
            )

    def tell(self, path: Path) -> None:
        """Say that another window has a file, and offer a copy."""
        box = QMessageBox(QMessageBox.Icon.Information, "circuitviz", "", parent=self.window)
        box.setText(f"'{path.name}' is already open in another window{self._since(path)}")
        box.setInformativeText(
            "If both save, the later undoes what the earlier saved. A copy can be changed freely and "
            "saved to another place."
        )
        copy = box.addButton("Open a copy", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(copy)
        box.addButton(QMessageBox.StandardButton.Cancel)
        copy.clicked.connect(lambda: self.window.files.open_copy(path))
        if self.question is not None:
            self.question.close()
            self.question.deleteLater()
        self.question = box
        box.open()

    def _since(self, path: Path) -> str:
        since = str(Claim.read(claim_path(path)).get("since", ""))
        return f" since {since[11:16]}" if since else ""
