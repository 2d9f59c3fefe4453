"""One piece of work for each turn of the event loop, so that no click has to wait for two."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QObject, QTimer


class Turns(QObject):
    """Does what is due, first come first served; between two pieces Qt paints and hears the person."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._due: dict[Hashable, Callable[[], object]] = {}
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._next)

    def add(self, work: Callable[[], object], key: Hashable = None) -> None:
        """Do something soon. What waits under the same key is replaced and keeps its place."""
        self._due[object() if key is None else key] = work
        if not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """Do all that is due, also what comes of it: for whoever looks at the window as a whole."""
        while self._due:
            self._next()

    def clear(self) -> None:
        """Leave what is due: nobody looks any more."""
        self._due.clear()
        self._timer.stop()

    def _next(self) -> None:
        if not self._due:
            self._timer.stop()
            return
        self._due.pop(next(iter(self._due)))()
