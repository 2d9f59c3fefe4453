"""Unsaved work survives a crash: it is autosaved, and offered at the next start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.document import Document, State
from circuitviz.formats.autosave import AUTOSAVE_DELAY_S, Autosave, RecoveredWork, find_recovered_work
from circuitviz.shell.file_controller import FileController
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workspace import Workspace
from circuitviz.workspace.tabs import DocumentTab

MAX_VISIBLE_ROWS = 4  # in sight at once
SEARCH_HANDOVER_MS = int(
    2000 * AUTOSAVE_DELAY_S
)  # ms until the document that took a search's result over is written


class CrashRecovery(QObject):
    """Autosaves the documents and searches of all tabs, and offers work of earlier processes."""

    message_posted = Signal(str)  # from the autosaves' own threads

    def __init__(self, window: QWidget, workspace: Workspace, folder: Path, files: FileController) -> None:
        """Keep unsaved work in a folder.

        Args:
            window: The parent of the dialog.
            workspace: Whose documents are kept.
            folder: Where recovery files lie.
            files: Writes down how the document is looked at.
        """
        super().__init__(window)
        self._window, self._workspace, self._files, self.folder = window, workspace, files, folder
        self._autosaves: dict[DocumentTab, TabAutosave] = {}
        self.dialog: RecoveryDialog | None = None
        self._recovered: tuple[RecoveredWork | None, Document | None] = None, None  # what is being opened
        self.message_posted.connect(workspace.post_message)
        workspace.tabs.changed.connect(self._follow_tabs)
        self._follow_tabs()

    @property
    def document_autosave(self) -> Autosave:
        """That of the document in front."""
        return self._autosaves[self._workspace.tabs.front].document_autosave

    def offer_recovery(self) -> bool:
        """Ask what to do with work of processes that ended without saving; returns whether there is any."""
        found = find_recovered_work(self.folder)
        if found:
            self.dialog = RecoveryDialog(self._window, self.open_recovered, found)
            self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self.dialog.open()
        return bool(found)

    def open_recovered(self, recovered: RecoveredWork) -> None:
        """Open recovered work; its recovery file stays until the document is saved."""
        workspace = self._workspace

        def show(document: Document) -> None:
            self._recovered = recovered, document
            try:
                workspace.set_document(document)
            finally:
                self._recovered = None, None
            workspace.post_message(f"Recovered {_display_name(recovered)}; it is not saved yet")

        title = f"Could not recover {_display_name(recovered)}"
        workspace.file_loader.load(recovered.open, show, title, key=recovered.file)

    def close_autosaves(self) -> None:
        """End the autosaves and remove their files: all is saved, or was discarded."""
        for autosave in self._autosaves.values():
            autosave.close()
        self._autosaves.clear()

    def _follow_tabs(self) -> None:
        """Keep the work of the tabs that there are now."""
        tabs = self._workspace.tabs.tabs
        for tab in [tab for tab in self._autosaves if tab not in tabs]:
            self._autosaves.pop(tab).close()
        for tab in tabs:
            if tab not in self._autosaves:
                self._autosaves[tab] = TabAutosave(tab, self)
            recovered, document = self._recovered
            self._autosaves[tab].follow(recovered if document is tab.user_document else None)

    def record_view(self, document: Document) -> None:
        """Write down how a document is looked at, where it is on the screen."""
        if document is self._workspace.document:
            self._files.record_view()


class TabAutosave(QObject):
    """Autosaves a tab's document and what its search has so far."""

    def __init__(self, tab: DocumentTab, recovery: CrashRecovery) -> None:
        super().__init__(recovery)
        self._tab, self._recovery = tab, recovery
        self.document_autosave = Autosave(recovery.folder, recovery.message_posted.emit)
        # the search's result may yet replace the document, so both are kept
        self._search_autosave = Autosave(recovery.folder, recovery.message_posted.emit)
        self._search_document: Document | None = None
        self._followed_result: SearchResult | None = None
        self._followed_document: Document | None = None

    def follow(self, recovered: RecoveredWork | None) -> None:
        """Keep what is in the tab now.

        Args:
            recovered: The recovery file that another document than before was read from; None: it was not.
        """
        self._follow_search()
        document = self._tab.user_document
        if document is self._followed_document:
            return
        if self._followed_document is not None:
            self._followed_document.state_changed.disconnect(self._record_view)
        self._followed_document = document
        document.state_changed.connect(self._record_view)
        self.document_autosave.track(document, recovered)

    def close(self) -> None:
        """Remove the files: all is saved, or was discarded."""
        if self._followed_document is not None:
            self._followed_document.state_changed.disconnect(self._record_view)
        self.document_autosave.close()
        self._search_autosave.close()
        self.deleteLater()

    def _follow_search(self) -> None:
        """Autosave the partial result of a search; the final one is autosaved with the document."""
        found = self._tab.partial_result
        if found is self._followed_result:
            return
        self._followed_result = found
        if found is None:
            self._search_document = None
            QTimer.singleShot(SEARCH_HANDOVER_MS, self, self._stop_search_autosave)
            return
        if self._search_document is None:
            self._search_document = Document()
            self._search_document.mark_unsaved()
            self._search_autosave.track(self._search_document)
        self._search_document.set_state(State(found.origin, found.scores, found.circuit))

    def _stop_search_autosave(self) -> None:
        if self._search_document is None:
            self._search_autosave.track(Document())

    def _record_view(self, *_: object) -> None:
        assert self._followed_document is not None
        self._recovery.record_view(self._followed_document)


class RecoveryDialog(QDialog):
    """Lists recovered work, to be opened or discarded."""

    def __init__(
        self, parent: QWidget, open_recovered: Callable[[RecoveredWork], None], recovered: list[RecoveredWork]
    ) -> None:
        super().__init__(parent)
        self._open_recovered = open_recovered
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
        button = QPushButton(text)
        self.buttons.addButton(button, role)
        return button

    def _selected(self) -> RecoveredWork:
        found: RecoveredWork = self.list_widget.currentItem().data(Qt.ItemDataRole.UserRole)
        return found

    def _open_selected(self) -> None:
        found = self._selected()
        self.accept()
        self._open_recovered(found)

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
    """An ISO 8601 time as text in the local time zone."""
    try:
        then = datetime.fromisoformat(saved).astimezone()
    except ValueError:
        return "time unknown"
    today = then.date() == datetime.now().astimezone().date()
    return f"today at {then:%H:%M:%S}" if today else f"{then:%d %B %Y at %H:%M}"
