"""The menu of recent files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from circuitviz.shell.settings import Settings
from circuitviz.workspace.plain_text import escape_mnemonics

MAX_RECENT_FOLDERS = 4


class RecentMenu(QMenu):
    """Filled when it opens, so that it lists only files that exist."""

    file_chosen = Signal(object)
    folder_chosen = Signal(object)
    last_requested = Signal()  # the circuits that were open when the application was left

    def __init__(self, parent: QWidget, settings: Settings, find_last: Callable[[], list[Path]]) -> None:
        """List the recent files of some settings; ``find_last``: those that were open last."""
        super().__init__("Open recent", parent)
        self._find_last = find_last
        self.setToolTipsVisible(True)
        self._settings = settings
        self.aboutToShow.connect(self.fill_menu)

    def fill_menu(self) -> None:
        """List the files opened lately, the latest first, and their folders."""
        self.clear()
        paths = self._settings.recent_files
        for path in paths:
            action = self.addAction(escape_mnemonics(_display_name(path, paths)))
            action.setToolTip(str(path))
            action.triggered.connect(partial(self._choose, path))
        if not paths:
            self.addAction("No files yet").setEnabled(False)
            return
        self.addSeparator()
        if last := self._find_last():
            text = f"The {len(last)} circuits of last time" if len(last) > 1 else "The circuit of last time"
            action = self.addAction(text)
            action.setToolTip("\n".join(str(path) for path in last))
            action.triggered.connect(lambda _checked=False: self.last_requested.emit())
        for folder in list(dict.fromkeys(path.parent for path in paths))[:MAX_RECENT_FOLDERS]:
            action = self.addAction(escape_mnemonics(f"Open from {folder.name or folder}…"))
            action.setToolTip(f"Choose a file in {folder}")
            action.triggered.connect(partial(self._choose_folder, folder))
        self.addSeparator()
        self.addAction("Clear this list").triggered.connect(
            lambda _checked=False: self._settings.clear_recent_files()
        )

    def _choose(self, path: Path, _checked: bool = False) -> None:
        self.file_chosen.emit(path)

    def _choose_folder(self, folder: Path, _checked: bool = False) -> None:
        self.folder_chosen.emit(folder)


def _display_name(path: Path, others: list[Path]) -> str:
    """A file's name, with its folder where another is called the same."""
    same = [other for other in others if other.name == path.name]
    return path.name if len(same) == 1 else f"{path.name}   ({path.parent})"
