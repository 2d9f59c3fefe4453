"""Yesterday's file is one click away: the menu of recent files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from circuitviz.panels.plain import as_caption

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class RecentMenu(QMenu):
    """Filled when it opens, so that it never names a file that is gone."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__("Open recent", window)
        self.window_ = window
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List the files opened lately, the latest first."""
        self.clear()
        paths = self.window_.settings.recent
        for path in paths:
            made = self.addAction(as_caption(_named(path, paths)))
            made.setToolTip(str(path))
            made.triggered.connect(partial(self.window_.files.open_path, path))
        if not paths:
            self.addAction("No files yet").setEnabled(False)
            return
        self.addSeparator()
        self.addAction("Clear this list").triggered.connect(self._forget)

    def _forget(self) -> None:
        self.window_.settings.clear_recent()
        self.window_.start.show_recent([])


def _named(path: Path, others: list[Path]) -> str:
    """A file's name, with its folder where another is called the same."""
    same = [other for other in others if other.name == path.name]
    return path.name if len(same) == 1 else f"{path.name}   ({path.parent})"
