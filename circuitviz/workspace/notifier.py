"""What a person is told: a line in the status bar and the log, or a dialog about a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from circuitviz.errors import InputError
from circuitviz.workbench.requests.messages import JobFailed


class Notifier(QObject):
    """Passes messages and failures from whatever part they come from to whoever shows them."""

    message_posted = Signal(str)
    file_written = Signal(object)  # Path of an exported file, after the message that says so
    failure_reported = Signal(object)  # JobFailed

    def post_message(self, message: str) -> None:
        """Show a line in the status bar and add it to the log."""
        self.message_posted.emit(message)

    def report_failure(self, failure: JobFailed) -> None:
        """Show a failure in a dialog, and its message in the log."""
        self.message_posted.emit(failure.message)
        self.failure_reported.emit(failure)

    def run_guarded(self, work: Callable[..., object], *args: Any, title: str) -> bool:
        """Do something that may find its input wrong.

        Args:
            work: Called with ``args``.
            *args: What ``work`` is given.
            title: Names the operation, as in "Could not export the figure", for the dialog about the failure.

        Returns:
            Whether it was done; where it raised InputError, the person has been told.
        """
        try:
            work(*args)
        except InputError as error:
            self.failure_reported.emit(JobFailed(title, str(error)))
            return False
        return True
