"""Runs queued callbacks one per event-loop iteration, so that input is handled in between."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QObject, QTimer


class EventLoopQueue(QObject):
    """Does what is due, first come first served; between two pieces Qt paints and hears the person."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending: dict[Hashable, Callable[[], object]] = {}
        self._is_closed = False
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._run_next)

    def add(self, work: Callable[[], object], key: Hashable = None) -> None:
        """Do something soon. What waits under the same key is replaced and keeps its place."""
        if self._is_closed:
            return
        self._pending[object() if key is None else key] = work
        if not self._timer.isActive():
            self._timer.start()

    def run_all(self) -> None:
        """Do all that is due, also what comes of it: for whoever looks at the window as a whole."""
        while self._pending:
            self._run_next()

    def clear(self) -> None:
        """Leave what is due, and what comes later: nobody looks any more."""
        self._is_closed = True
        self._pending.clear()
        self._timer.stop()

    def _run_next(self) -> None:
        if not self._pending:
            self._timer.stop()
            return
        self._pending.pop(next(iter(self._pending)))()
