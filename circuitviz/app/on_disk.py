"""A file may be changed by another program while it is open here; saving must not destroy that unasked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject
from PySide6.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class OnDisk(QObject):
    """Knows what the open file was like when it was last read or written here."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self._path: Path | None = None
        self._known: tuple[int, int] | None = None
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(lambda _name: self._look())

    def follow(self, path: Path | None) -> None:
        """The file has just been read or written; None: the document is nowhere saved."""
        if watched := self._watcher.files():
            self._watcher.removePaths(watched)
        self._path, self._known = path, None if path is None else _stamp(path)
        if self._known is not None:
            self._watcher.addPath(str(path))

    def changed(self, path: Path) -> bool:
        """Whether another program has written the open file since."""
        now = _stamp(path)
        if self.window.desk.writer.saving:  # what happens to the file meanwhile is no surprise
            return False
        return path == self._path and now is not None and now != self._known

    def may_write(self, path: Path) -> bool:
        """Ask before what another program wrote is lost."""
        if not self.changed(path):
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            self.window,
            "circuitviz",
            f"'{path.name}' was changed by another program since it was opened here. Saving replaces what "
            "that program wrote; 'Save as…' keeps both. Save all the same?",
            buttons.Save | buttons.Cancel,
            buttons.Cancel,
        )
        return bool(choice == buttons.Save)

    def _look(self) -> None:
        path = self._path
        if path is None or self.window.desk.writer.saving:  # it is followed anew when that is done
            return
        if self.changed(path):
            self.window.desk.say(f"'{path.name}' was changed by another program; saving here will ask first")
        if path.exists():  # a file that was replaced is watched no more
            self._watcher.addPath(str(path))


def _stamp(path: Path) -> tuple[int, int] | None:
    """When a file was written, in ns, and its size in bytes; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
