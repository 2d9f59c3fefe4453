"""Lines above the canvas that wait for a person: a result that is offered, a model that is not open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from circuitviz.jobs.adopt import FROM_DISK, FROM_NETWORK

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


SHOW, OPEN, DOWNLOAD = "Show the circuit", "Open it from this computer", "Download…"


class Notice(QFrame):
    """A sentence, a button that acts on it, and one that takes it away."""

    def __init__(self, action: str) -> None:
        super().__init__(objectName="notice")
        self.text = QLabel(wordWrap=True)
        self.action = QPushButton(action)
        self.close_button = QToolButton(text="✕", toolTip="Hide this line", accessibleName="Hide this line")
        row = QHBoxLayout(self, spacing=8)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self.text, 1)
        row.addWidget(self.action)
        row.addWidget(self.close_button)
        self.hide()

    def say(self, text: str, action: str) -> None:
        """Show this."""
        self.text.setText(text)
        self.action.setText(action)
        self.show()


class Notices(QWidget):
    """The lines above the canvas; none is there while nothing waits."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self.desk = window.desk
        self.result, self.model = Notice(SHOW), Notice(DOWNLOAD)
        column = QVBoxLayout(self, spacing=0)
        column.setContentsMargins(0, 0, 0, 0)
        for notice in (self.result, self.model):
            column.addWidget(notice)
        searches, asking = self.desk.searches, self.desk.asking
        searches.changed.connect(self._show_result)
        self.result.action.clicked.connect(lambda: searches.accept())
        self.result.close_button.clicked.connect(lambda: searches.withdraw())
        asking.needed_changed.connect(self._show_model)
        self.model.action.clicked.connect(lambda: self._open_model())
        self.model.close_button.clicked.connect(self.model.hide)

    def _show_result(self) -> None:
        offer = self.desk.searches.offer
        if offer is None:
            self.result.hide()
        else:
            self.result.say(offer.text, offer.action)

    def _show_model(self) -> None:
        needed = self.desk.asking.needed
        if needed is None:
            self.model.hide()
            return
        action = OPEN if needed.downloaded else DOWNLOAD
        self.model.say(
            f"This circuit was made with {needed.model}, which is not open. "
            "The circuit and its labels can be looked at and changed without it.",
            action,
        )

    def _open_model(self) -> None:
        needed = self.desk.asking.needed
        if needed is not None:
            self.desk.asking.open_needed(FROM_DISK if needed.downloaded else FROM_NETWORK)


def above(notices: Notices, pages: QWidget) -> QWidget:
    """The notices over the pages, as one widget."""
    both = QWidget()
    column = QVBoxLayout(both, spacing=0)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(notices)
    column.addWidget(pages, 1)
    return both
