"""One failure is shown at a time."""

from __future__ import annotations

from opening import LONG
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.messages import JobFailed


def test_messages_do_not_pile_up(window: MainWindow, qtbot: QtBot) -> None:
    for number in range(4):
        window.dialogs.show_failure(JobFailed(f"Could not run job {number}", "for a reason"))
    assert window.dialogs.failure_dialog is not None and "3" in window.dialogs.failure_dialog.text()
    qtbot.waitUntil(lambda: len(window.findChildren(QMessageBox)) == 1, timeout=LONG)
    window.dialogs.failure_dialog.close()


def test_the_title_names_the_problem_and_the_heading_what_could_not_be_done(window: MainWindow) -> None:
    message = "There is no task 'iou'; there is ioi, gender. Did you mean ioi?"
    window.dialogs.show_failure(JobFailed("Could not find a circuit", message))
    dialog = window.dialogs.failure_dialog
    assert dialog is not None
    assert dialog.windowTitle() == "There is no task 'iou'"
    assert dialog.text() == "Could not find a circuit" and dialog.informativeText() == message
    dialog.close()
