"""Files are read and written off the window's thread: a test waits for it as a person does."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from circuitviz.document import Document
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow

LONG = 90_000
PROMPTS = 16  # of the 64 that a search takes by itself: as much is drawn and kept of fewer, sooner
CURVE_POINTS = 10


def double_click(widget: QWidget, place: QPoint) -> None:
    """Click twice with the left button; QTest's own double click is its second press alone, never released."""
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(widget, left, pos=place)
    QTest.mouseDClick(widget, left, pos=place)
    QTest.mouseRelease(widget, left, pos=place)


def open_example(window: MainWindow) -> None:
    """Start the search for the demo's circuit, as ``--demo`` does, on a quarter of its prompts."""
    window.panels["discovery"].prompts_field.setValue(PROMPTS)
    open_arguments(window, None, None, None, demo=True)


_examples: list[Document] = []


def show_example(window: MainWindow, qtbot: QtBot) -> None:
    """Show what open_example finds, with its number and curve; it is searched for once a process."""
    desk = window.workspace
    if _examples:
        desk.set_document(_examples[0].snapshot())
        qtbot.waitUntil(lambda: desk.opened_model is not None, timeout=LONG)
        qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    else:
        open_example(window)
    qtbot.waitUntil(lambda: measured(window) and len(desk.document.curve) == CURVE_POINTS, timeout=LONG)
    if not _examples:
        _examples.append(desk.document.snapshot())


def open_in(window: MainWindow, qtbot: QtBot, path: Path) -> None:
    """Open a file in a window and wait until it is drawn; where a tab has it, the tab is closed before."""
    if (tab := window.workspace.tabs.tab_at(path)) is not None:
        window.workspace.tab_controller.close(tab)
    with qtbot.waitSignal(window.workspace.document_shown, timeout=LONG):
        window.file_controller.open_path(path)
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)


def save_in(window: MainWindow, path: Path | None = None) -> bool:
    """Save, and wait until that is on the disk; whether it is."""
    saved: list[bool] = []
    window.file_controller.save_document(saved.append) if path is None else window.file_controller.save_to(
        path, saved.append
    )
    window.workspace.save_service.wait_until_written()
    return saved == [True]


def export_in(window: MainWindow, path: Path) -> bool:
    """Export, and wait until that is on the disk; whether it is."""
    written: list[bool] = []
    window.file_controller.export_to(path, on_done=written.append)
    window.workspace.save_service.wait_until_written()
    return written == [True]


def measured(window: MainWindow) -> bool:
    """Whether the exact faithfulness of what is on the screen is known."""
    return window.workspace.partial_result is None and window.workspace.document.evaluation is not None
