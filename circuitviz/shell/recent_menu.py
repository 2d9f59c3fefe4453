"""Yesterday's file is one click away: the menu of recent files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from circuitviz.workspace.plain_text import escape_mnemonics

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class RecentMenu(QMenu):
    """Filled when it opens, so that it never names a file that is gone."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__("Open recent", window)
        self.main_window = window
        self.aboutToShow.connect(self.fill_menu)

    def fill_menu(self) -> None:
        """List the files opened lately, the latest first."""
        self.clear()
        paths = self.main_window.settings.recent_files
        for path in paths:
            made = self.addAction(escape_mnemonics(_display_name(path, paths)))
            made.setToolTip(str(path))
            made.triggered.connect(partial(self.main_window.file_controller.open_path, path))
        if not paths:
            self.addAction("No files yet").setEnabled(False)
            return
        self.addSeparator()
        self.addAction("Clear this list").triggered.connect(self._clear_recent)

    def _clear_recent(self) -> None:
        self.main_window.settings.clear_recent_files()
        self.main_window.start_page.show_recent_files([])


def _display_name(path: Path, others: list[Path]) -> str:
    """A file's name, with its folder where another is called the same."""
    same = [other for other in others if other.name == path.name]
    return path.name if len(same) == 1 else f"{path.name}   ({path.parent})"
