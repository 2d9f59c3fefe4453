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

from circuitviz.document import Document, State
from circuitviz.formats.autosave import AUTOSAVE_DELAY_S, Autosave, RecoveredWork, find_recovered_work
from circuitviz.jobs import OpenFile

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

MAX_VISIBLE_ROWS = 4  # in sight at once
SEARCH_HANDOVER_MS = int(
    2000 * AUTOSAVE_DELAY_S
)  # ms until the document that took a search's result over is written


class CrashRecovery(QObject):
    """Keeps the window's unsaved work, and offers what an earlier process left behind."""

    message_posted = Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.folder = window, window.settings.data_folder / "recovery"
        self.document_autosave = Autosave(self.folder, self.message_posted.emit)
        self.search_autosave = Autosave(
            self.folder, self.message_posted.emit
        )  # beside the document, which it may yet replace
        self._search_document: Document | None = None
        self.dialog: RecoveryDialog | None = None
        self._recovered: RecoveredWork | None = None
        self._followed_document: Document | None = None
        self.message_posted.connect(window.workspace.post_message)
        window.workspace.document_opened.connect(self._follow_document)
        window.workspace.state_changed.connect(self._autosave_search)
        self._follow_document()

    def offer_recovery(self) -> bool:
        """Ask about work that was left behind; returns whether there is any."""
        found = find_recovered_work(self.folder)
        if found:
            self.dialog = RecoveryDialog(self, found)
            self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.dialog.open()
        return bool(found)

    def open_recovered(self, recovered: RecoveredWork) -> None:
        """Open work that was left behind; it stays kept until it is saved."""
        window = self.window

        def show(document: Document) -> None:
            if not window.file_controller.confirm_leave():
                return
            self._recovered = recovered
            try:
                window.workspace.set_document(document)
            finally:
                self._recovered = None
            window.workspace.post_message(f"Recovered {_display_name(recovered)}; it is not saved yet")

        window.workspace.file_loader.load_file(OpenFile(recovered.open, show))

    def close_autosaves(self) -> None:
        """Everything is saved, or is not wanted."""
        self.document_autosave.close()
        self.search_autosave.close()

    def _autosave_search(self) -> None:
        """What a search has so far is kept as it comes; its result is the document's, and kept there."""
        found = self.window.workspace.partial_result
        if found is None:
            if self._search_document is not None:
                self._search_document = None
                QTimer.singleShot(SEARCH_HANDOVER_MS, self, self._stop_search_autosave)
            return
        if self._search_document is None:
            self._search_document = Document()
            self._search_document.mark_unsaved()
            self.search_autosave.track(self._search_document)
        self._search_document.set_state(State(found.provenance, found.scores, found.circuit))

    def _stop_search_autosave(self) -> None:
        if self._search_document is None:
            self.search_autosave.track(Document())

    def _follow_document(self) -> None:
        document = self.window.workspace.user_document
        if document is self._followed_document:
            return
        if self._followed_document is not None:
            self._followed_document.dirty_changed.disconnect(self._update_title)
            self._followed_document.state_changed.disconnect(self._record_view)
        self._followed_document = document
        document.dirty_changed.connect(self._update_title)
        document.state_changed.connect(self._record_view)
        self.document_autosave.track(document, self._recovered)

    def _record_view(self, *_: object) -> None:
        self.window.file_controller.record_view()

    def _update_title(self, _dirty: bool) -> None:
        self.window.update_title()


class RecoveryDialog(QDialog):
    """What was left behind, one line each, and what to do with it."""

    def __init__(self, recovery: CrashRecovery, recovered: list[RecoveredWork]) -> None:
        super().__init__(recovery.window)
        self._recovery = recovery
        self.setWindowTitle("Recover unsaved work")
        self.setMinimumWidth(520)
        about = QLabel("circuitviz ended before this was saved. Open it to go on where you were.")
        about.setWordWrap(True)
        self.list_widget = QListWidget()
        self.list_widget.setAccessibleName("Unsaved work")
        for one in recovered:
            item = QListWidgetItem(_entry_text(one))
            item.setData(Qt.ItemDataRole.UserRole, one)
            item.setToolTip(str(one.original or one.file))
            self.list_widget.addItem(item)
        self.list_widget.setCurrentRow(0)
        self.list_widget.setSpacing(3)
        tall = self.list_widget.sizeHintForRow(0) + 2 * self.list_widget.spacing()
        self.list_widget.setFixedHeight(
            min(len(recovered), MAX_VISIBLE_ROWS) * tall + 2 * self.list_widget.frameWidth() + 2
        )
        self.list_widget.itemDoubleClicked.connect(self._open_selected)
        self.buttons = QDialogButtonBox()
        roles = QDialogButtonBox.ButtonRole
        self.open_button = self._add_button("Open", roles.AcceptRole)
        self.discard_button = self._add_button("Discard", roles.DestructiveRole)
        self.later_button = self._add_button("Not now", roles.RejectRole)
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self._open_selected)
        self.discard_button.clicked.connect(self._discard_selected)
        self.later_button.clicked.connect(self.reject)
        self.later_button.setToolTip("Asks again at the next start")
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.setContentsMargins(18, 16, 18, 14)
        column.addWidget(about)
        column.addWidget(self.list_widget)
        column.addWidget(self.buttons)

    def _add_button(self, text: str, role: QDialogButtonBox.ButtonRole) -> QPushButton:
        made = QPushButton(text)
        self.buttons.addButton(made, role)
        return made

    def _selected(self) -> RecoveredWork:
        found: RecoveredWork = self.list_widget.currentItem().data(Qt.ItemDataRole.UserRole)
        return found

    def _open_selected(self) -> None:
        found = self._selected()
        self.accept()
        self._recovery.open_recovered(found)

    def _discard_selected(self) -> None:
        self._selected().discard()
        self.list_widget.takeItem(self.list_widget.currentRow())
        if not self.list_widget.count():
            self.accept()


def _display_name(recovered: RecoveredWork) -> str:
    return recovered.original.name if recovered.original else "Untitled circuit"


def _entry_text(recovered: RecoveredWork) -> str:
    lines = [
        f"{_display_name(recovered)}   —   {_format_time(recovered.saved)}",
        recovered.summary or "cannot be read",
    ]
    return "\n".join([*lines, str(recovered.original.parent)] if recovered.original else lines)


def _format_time(saved: str) -> str:
    """A time for people, in their own zone."""
    try:
        then = datetime.fromisoformat(saved).astimezone()
    except ValueError:
        return "time unknown"
    today = then.date() == datetime.now().astimezone().date()
    return f"today at {then:%H:%M:%S}" if today else f"{then:%d %B %Y at %H:%M}"
