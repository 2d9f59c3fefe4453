"""Starting the window: it is on the screen before torch is thought of."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from circuitviz.jobs.worker import has_abandoned_threads
from circuitviz.resources import resource_path
from circuitviz.shell.failure_dialog import ExceptionHooks
from circuitviz.shell.main_window import MainWindow


def create_application() -> QApplication:
    """The one QApplication, in Fusion."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("circuitviz")
    app.setOrganizationName("circuitviz")
    app.setDesktopFileName("circuitviz")
    app.setStyle("Fusion")
    app.setWindowIcon(QIcon(str(resource_path("desktop", "circuitviz.svg"))))
    return app


def run_application(file: Path | None, model: str | None, task: str | None, demo: bool) -> int:
    """Open the window, perhaps with a file or a search under way; returns the exit code."""
    app = create_application()
    faults = ExceptionHooks()
    give_back = faults.install()
    window = MainWindow()
    faults.exception_raised.connect(window.show_failure)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    window.show()
    window.workspace.start()
    window.tour.start_on_first_circuit()
    QTimer.singleShot(0, lambda: open_arguments(window, file, model, task, demo))
    try:
        code = app.exec()
    finally:
        window.workspace.stop()
        give_back()
    if (
        has_abandoned_threads()
    ):  # everything is written, and only a library that does not come back still runs
        os._exit(code)
    return code


def open_arguments(
    window: MainWindow, file: Path | None, model: str | None, task: str | None, demo: bool
) -> None:
    """Do what the command line asked for, and offer what a crash left behind."""
    if file is not None:
        window.file_controller.open_path(file)
    elif demo:
        window.find_example_circuit(task or "ioi")
    elif model or task:
        form = window.panels["discovery"]
        if model:
            form.model_box.setEditText(model)  # type: ignore[attr-defined]
        if task:
            form.task_box.setEditText(task)  # type: ignore[attr-defined]
    window.crash_recovery.offer_recovery()
