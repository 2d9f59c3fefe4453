"""The dialog about a failure, and hooks for exceptions that nothing else caught."""

from __future__ import annotations

import platform
import re
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from circuitviz import __version__
from circuitviz.workbench.requests.messages import JobFailed

MAX_TITLE_LETTERS = 80


def show_failure(failed: JobFailed, parent: QWidget | None = None) -> QMessageBox:
    """Show a failure without blocking; internal errors offer their traceback to copy.

    The window's title is the problem, the heading what could not be done because of it.
    """
    kind = QMessageBox.Icon.Critical if failed.is_internal_error else QMessageBox.Icon.Warning
    title = failed.title if failed.is_internal_error else name_problem(failed.message)
    box = QMessageBox(kind, title, failed.title, parent=parent)
    box.setInformativeText(failed.message)
    close = box.addButton(QMessageBox.StandardButton.Close)
    box.setDefaultButton(close)
    if failed.details:
        copy = box.addButton("Copy details", QMessageBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(_format_report(failed)))
    box.setModal(True)
    box.open()
    return box


def name_problem(message: str) -> str:
    """The part of a message that says what is wrong, short enough for a title.

    >>> name_problem("There is no task 'iou'; there is ioi, gender. Did you mean ioi?")
    "There is no task 'iou'"
    """
    first = re.split(r"; |: |\. |\n", message.strip(), maxsplit=1)[0].rstrip(".")
    return first if len(first) <= MAX_TITLE_LETTERS else f"{first[:MAX_TITLE_LETTERS]}…"


def _format_report(failed: JobFailed) -> str:
    about = f"circuitviz {__version__}, Python {platform.python_version()}, {platform.platform()}"
    return f"{failed.title}\n{failed.message}\n\n{about}\n\n{failed.details}"


class ExceptionHooks(QObject):
    """Reports uncaught exceptions, from slots and from threads, by a signal."""

    exception_raised = Signal(object)

    def install(self) -> Callable[[], None]:
        """Install the hooks; returns a function that restores the former ones."""
        before, before_threads = sys.excepthook, threading.excepthook

        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            if issubclass(kind, KeyboardInterrupt):
                before(kind, error, trace)
                return
            details = "".join(traceback.format_exception(kind, error, trace))
            text = f"{kind.__name__}: {error}"
            self.exception_raised.emit(
                JobFailed("Something in circuitviz went wrong", text, details, is_internal_error=True)
            )

        sys.excepthook = hook
        threading.excepthook = lambda args: hook(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )

        def give_back() -> None:
            sys.excepthook, threading.excepthook = before, before_threads

        return give_back
