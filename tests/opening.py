"""Files are read and written off the window's thread: a test waits for it as a person does."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from circuitviz.app.window import MainWindow

LONG = 90_000


def open_in(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Open a file in a window and wait until it is drawn."""
    with qtbot.waitSignal(window.desk.document_shown, timeout=LONG):
        window.files.open_path(path)
    qtbot.waitUntil(lambda: not window.drawing.pending, timeout=LONG)


def save_in(window: MainWindow, path: Path | None = None) -> bool:
    """Save, and wait until that is on the disk; whether it is."""
    saved: list[bool] = []
    window.files.save(saved.append) if path is None else window.files.save_to(path, saved.append)
    window.desk.writer.finish()
    return saved == [True]


def export_in(window: MainWindow, path: Path) -> bool:
    """Export, and wait until that is on the disk; whether it is."""
    written: list[bool] = []
    window.files.export_to(path, told=written.append)
    window.desk.writer.finish()
    return written == [True]


def measured(window: MainWindow) -> bool:
    """Whether the exact faithfulness of what is on the screen is known."""
    return window.desk.preview is None and window.desk.document.evaluation is not None
