"""A file is read off the window's thread: a test waits for it as a person does."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from circuitviz.app.window import MainWindow

LONG = 90_000


def open_in(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Open a file in a window and wait until it is shown."""
    with qtbot.waitSignal(window.desk.document_shown, timeout=LONG):
        window.files.open_path(path)
