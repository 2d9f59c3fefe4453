"""Starting the window, which is on the screen before torch is imported."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from circuitviz.cluster import ComputePlace
from circuitviz.jobs.task_pool import has_abandoned_tasks
from circuitviz.jobs.worker import has_abandoned_threads
from circuitviz.resources import resource_path
from circuitviz.shell.failure_dialog import ExceptionHooks
from circuitviz.shell.main_window import MainWindow
from circuitviz.shell.settings import Settings

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


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


def run_application(
    file: Path | None,
    model: str | None,
    task: str | None,
    demo: bool,
    place: ComputePlace | None = None,
    is_copy: bool = False,
) -> int:
    """Open the window, perhaps with a file or a search under way.

    Args:
        file: A file to open.
        model: The model of the next search.
        task: Its task.
        demo: Whether a circuit of the demo is found at once.
        place: Where models run; None: on this computer, beside the window.
        is_copy: Whether the file is opened as a document that is nowhere saved yet.

    Returns:
        The exit code.
    """
    app = create_application()
    faults = ExceptionHooks()
    give_back = faults.install()
    settings = Settings()
    logging.basicConfig(level=settings.log_level.upper(), format=LOG_FORMAT)
    window = MainWindow(settings=settings)
    faults.exception_raised.connect(window.dialogs.show_failure)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if place is not None:
        window.workspace.worker.use_remote_engines(place)
    window.show()
    window.workspace.start()
    QTimer.singleShot(0, lambda: open_arguments(window, file, model, task, demo, is_copy))
    try:
        code = app.exec()
    finally:
        window.workspace.stop()
        give_back()
    if has_abandoned_threads() or has_abandoned_tasks():
        os._exit(code)  # everything is written, and only a library that does not come back still runs
    return code


def open_arguments(
    window: MainWindow,
    file: Path | None,
    model: str | None,
    task: str | None,
    demo: bool,
    is_copy: bool = False,
) -> None:
    """Do what the command line asked for, and offer what a crash left behind."""
    if file is not None:
        open_file = window.file_controller.open_copy if is_copy else window.file_controller.open_path
        open_file(file)
    elif demo:
        window.find_example_circuit(task or "ioi")
    elif model or task:
        window.workspace.search_form.set(model=model or None, task=task or None)
    window.crash_recovery.offer_recovery()
