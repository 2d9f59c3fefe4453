"""A crash costs seconds, and nobody has to know how: the next start asks what to do with the work."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
)

from circuitviz.formats.recovery import DELAY, Autosave, Recovered, left_behind
from circuitviz.jobs import OpenFile
from circuitviz.session import Document, State

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

MOST_ROWS = 4  # in sight at once
HANDED_OVER = int(2000 * DELAY)  # ms until the document that took a search's result over is written


class Recovery(QObject):
    """Keeps the window's unsaved work, and offers what an earlier process left behind."""

    told = Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.folder = window, window.settings.data_folder / "recovery"
        self.autosave = Autosave(self.folder, self.told.emit)
        self.search = Autosave(self.folder, self.told.emit)  # beside the document, which it may yet replace
        self._searching: Document | None = None
        self.dialog: RecoveryDialog | None = None
        self._found: Recovered | None = None
        self._followed: Document | None = None
        self.told.connect(window.desk.say)
        window.desk.document_opened.connect(self._follow)
        window.desk.state_changed.connect(self._keep_search)
        self._follow()

    def offer(self) -> bool:
        """Ask about work that was left behind; returns whether there is any."""
        found = left_behind(self.folder)
        if found:
            self.dialog = RecoveryDialog(self, found)
            self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.dialog.open()
        return bool(found)

    def recover(self, found: Recovered) -> None:
        """Open work that was left behind; it stays kept until it is saved."""
        window = self.window

        def show(document: Document) -> None:
            if not window.files.may_leave():
                return
            self._found = found
            try:
                window.desk.set_document(document)
            finally:
                self._found = None
            window.desk.say(f"Recovered {_name(found)}; it is not saved yet")

        window.desk.reader.fetch(OpenFile(found.open, show))

    def close(self) -> None:
        """Everything is saved, or is not wanted."""
        self.autosave.close()
        self.search.close()

    def _keep_search(self) -> None:
        """What a search has so far is kept as it comes; its result is the document's, and kept there."""
        found = self.window.desk.preview
        if found is None:
            if self._searching is not None:
                self._searching = None
                QTimer.singleShot(HANDED_OVER, self, self._forget_search)
            return
        if self._searching is None:
            self._searching = Document()
            self._searching.mark_unsaved()
            self.search.follow(self._searching)
        self._searching.apply(State(found.provenance, found.scores, found.circuit))

    def _forget_search(self) -> None:
        if self._searching is None:
            self.search.follow(Document())

    def _follow(self) -> None:
        document = self.window.desk.own
        if document is self._followed:
            return
        if self._followed is not None:
            self._followed.dirty_changed.disconnect(self._retitle)
            self._followed.state_changed.disconnect(self._keep_view)
        self._followed = document
        document.dirty_changed.connect(self._retitle)
        document.state_changed.connect(self._keep_view)
        self.autosave.follow(document, self._found)

    def _keep_view(self, *_: object) -> None:
        self.window.files.keep_view()

    def _retitle(self, _dirty: bool) -> None:
        self.window.retitle()


class RecoveryDialog(QDialog):
    """What was left behind, one line each, and what to do with it."""

    def __init__(self, recovery: Recovery, found: list[Recovered]) -> None:
        super().__init__(recovery.window)
        self._recovery = recovery
        self.setWindowTitle("Recover unsaved work")
        self.setMinimumWidth(520)
        about = QLabel("circuitviz ended before this was saved. Open it to go on where you were.")
        about.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Unsaved work")
        for one in found:
            item = QListWidgetItem(_line(one))
            item.setData(Qt.ItemDataRole.UserRole, one)
            item.setToolTip(str(one.original or one.file))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setSpacing(3)
        tall = self.list.sizeHintForRow(0) + 2 * self.list.spacing()
        self.list.setFixedHeight(min(len(found), MOST_ROWS) * tall + 2 * self.list.frameWidth() + 2)
        self.list.itemDoubleClicked.connect(self._open)
        self.buttons = QDialogButtonBox()
        roles = QDialogButtonBox.ButtonRole
        self.open_button = self._button("Open", roles.AcceptRole)
        self.discard_button = self._button("Discard", roles.DestructiveRole)
        self.later_button = self._button("Not now", roles.RejectRole)
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self._open)
        self.discard_button.clicked.connect(self._discard)
        self.later_button.clicked.connect(self.reject)
        self.later_button.setToolTip("Asks again at the next start")
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.setContentsMargins(18, 16, 18, 14)
        column.addWidget(about)
        column.addWidget(self.list)
        column.addWidget(self.buttons)

    def _button(self, text: str, role: QDialogButtonBox.ButtonRole) -> QPushButton:
        made = QPushButton(text)
        self.buttons.addButton(made, role)
        return made

    def _chosen(self) -> Recovered:
        found: Recovered = self.list.currentItem().data(Qt.ItemDataRole.UserRole)
        return found

    def _open(self) -> None:
        found = self._chosen()
        self.accept()
        self._recovery.recover(found)

    def _discard(self) -> None:
        self._chosen().discard()
        self.list.takeItem(self.list.currentRow())
        if not self.list.count():
            self.accept()


def _name(found: Recovered) -> str:
    return found.original.name if found.original else "Untitled circuit"


def _line(found: Recovered) -> str:
    lines = [f"{_name(found)}   —   {_when(found.saved)}", found.summary or "cannot be read"]
    return "\n".join([*lines, str(found.original.parent)] if found.original else lines)


def _when(saved: str) -> str:
    """A time for people, in their own zone."""
    try:
        then = datetime.fromisoformat(saved).astimezone()
    except ValueError:
        return "time unknown"
    today = then.date() == datetime.now().astimezone().date()
    return f"today at {then:%H:%M:%S}" if today else f"{then:%d %B %Y at %H:%M}"
