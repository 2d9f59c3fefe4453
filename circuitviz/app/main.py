"""Starting the window: it is on the screen before torch is thought of."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from circuitviz.app.dialogs import Faults
from circuitviz.app.window import MainWindow
from circuitviz.jobs.worker import left_behind
from circuitviz.resources import resource


def application() -> QApplication:
    """The one QApplication, in Fusion."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("circuitviz")
    app.setOrganizationName("circuitviz")
    app.setDesktopFileName("circuitviz")
    app.setStyle("Fusion")
    app.setWindowIcon(QIcon(str(resource("desktop", "circuitviz.svg"))))
    return app


def run(file: Path | None, model: str | None, task: str | None, demo: bool) -> int:
    """Open the window, perhaps with a file or a search under way; returns the exit code."""
    app = application()
    faults = Faults()
    give_back = faults.install()
    window = MainWindow()
    faults.raised.connect(window.show_failed)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    window.show()
    window.desk.start()
    window.tour.offer()
    QTimer.singleShot(0, lambda: begin(window, file, model, task, demo))
    try:
        code = app.exec()
    finally:
        window.desk.stop()
        give_back()
    if left_behind():  # everything is written, and only a library that does not come back still runs
        os._exit(code)
    return code


def begin(window: MainWindow, file: Path | None, model: str | None, task: str | None, demo: bool) -> None:
    """Do what the command line asked for, and offer what a crash left behind."""
    if file is not None:
        window.files.open_path(file)
    elif demo:
        window.open_example(task or "ioi")
    elif model or task:
        form = window.panels["discovery"]
        if model:
            form.model.setEditText(model)  # type: ignore[attr-defined]
        if task:
            form.task.setEditText(task)  # type: ignore[attr-defined]
    window.recovery.offer()
