"""Notes: a text about the circuit, written as plain text or Markdown and stored in its file."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QFocusEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStackedLayout,
    QTextBrowser,
    QToolButton,
)

from circuitviz.document.note_commands import set_notes
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workbench.methods_text import methods_with_notes
from circuitviz.workspace.clipboard_texts import copy_text
from circuitviz.workspace.workspace import Workspace

COMMIT_DELAY_MS = 800  # after the first key that is not taken over yet
WEB_SCHEMES = ("http", "https")


@panels.register(
    "notes", summary="a text about the circuit", title="Notes", area="bottom", place="notes", order=2
)
class NotesPanel(Panel):
    """*Edit* shows the text as it is written, *Read* as Markdown."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.editor = NotesEditor(
            placeholderText="What this circuit is about, what was tried, what is open. Read shows Markdown."
        )
        self.editor.setAccessibleName("Notes")
        self.reader = NotesReader()
        self.edit_button, self.read_button = (
            QToolButton(text=text, objectName="chip", checkable=True) for text in ("Edit", "Read")
        )
        self.copy_button = QPushButton(
            "Copy with methods", toolTip="copy the methods paragraph and the notes"
        )
        self.hint_label = QLabel("", objectName="muted")
        self._stack = QStackedLayout()
        self._session = 0  # of writing, between entering the editor and leaving it
        self._notes_shown = ""  # of the document, when they came into the editor or went from there
        self._text_shown = ""  # the editor's text then: it may differ from them in line ends and spaces
        self._commit_timer = QTimer(self, singleShot=True, interval=COMMIT_DELAY_MS)
        self._build()
        self._commit_timer.timeout.connect(self.commit)
        self.editor.textChanged.connect(self._on_text_changed)
        self.editor.left.connect(self._end_session)
        self.edit_button.clicked.connect(lambda: self.show_page(is_edited=True))
        self.read_button.clicked.connect(lambda: self.show_page(is_edited=False))
        self.copy_button.clicked.connect(self._copy)
        for leaving in (workspace.commit_input_requested, workspace.document_closing):
            leaving.connect(self.commit)
        workspace.state_changed.connect(self._show_state)
        workspace.document_opened.connect(self._show_document)
        self._show_document()

    def show_page(self, is_edited: bool) -> None:
        """Show the editor, or the text as Markdown."""
        self.commit()
        self.edit_button.setChecked(is_edited)
        self.read_button.setChecked(not is_edited)
        self._stack.setCurrentWidget(self.editor if is_edited else self.reader)
        (self.editor if is_edited else self.reader).setFocus()

    def commit(self) -> None:
        """Put what was typed into the document."""
        self._commit_timer.stop()
        text = self.editor.toPlainText()
        if text != self._text_shown:
            self._notes_shown = self._text_shown = text
            self.workspace.apply_command(set_notes(text, self._session))

    def _on_text_changed(self) -> None:
        if not self._commit_timer.isActive() and self.editor.toPlainText() != self._text_shown:
            self._commit_timer.start()

    def _end_session(self) -> None:
        self.commit()
        self._session += 1

    def _show_state(self) -> None:
        """Follow undo and other documents; what is being typed and is not in the document yet stays."""
        notes = self.workspace.document.state.notes
        if not self._commit_timer.isActive() and notes != self._notes_shown:
            with QSignalBlocker(self.editor):
                self.editor.setPlainText(notes)
            self._notes_shown, self._text_shown = notes, self.editor.toPlainText()
        self.editor.setReadOnly(self.workspace.partial_result is not None)  # as all of it during a search
        self.reader.show_markdown(notes)
        self._update_buttons()

    def _show_document(self) -> None:
        self._commit_timer.stop()
        self._session += 1
        self._show_state()
        if self.workspace.document.state.notes:  # written before: it is read first
            self.edit_button.setChecked(False)
            self.read_button.setChecked(True)
            self._stack.setCurrentWidget(self.reader)
        else:
            self.edit_button.setChecked(True)
            self.read_button.setChecked(False)
            self._stack.setCurrentWidget(self.editor)

    def _update_buttons(self) -> None:
        has_circuit = self.workspace.document.state.circuit is not None
        self.copy_button.setEnabled(has_circuit)
        n_words = len(self.workspace.document.state.notes.split())
        self.hint_label.setText(f"{n_words:,} word{'s' if n_words != 1 else ''}" if n_words else "")

    def _copy(self) -> None:
        self.commit()
        copy_text(self.workspace, methods_with_notes, "the methods paragraph and the notes")

    def _build(self) -> None:
        group = QButtonGroup(self)
        for button in (self.edit_button, self.read_button):
            group.addButton(button)
        self._stack.addWidget(self.editor)
        self._stack.addWidget(self.reader)
        top = lay_out_row(self.edit_button, self.read_button, self.hint_label, 1, self.copy_button, spacing=6)
        lay_out_column(top, (self._stack, 1), parent=self, spacing=6, margins=(12, 8, 12, 10))


class NotesEditor(QPlainTextEdit):
    """Plain text. ``left``: the focus went elsewhere."""

    left = Signal()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell that writing has ended."""
        super().focusOutEvent(event)
        self.left.emit()


class NotesReader(QTextBrowser):
    """Markdown without what a file could load: links open in the browser, and pictures are not read."""

    def __init__(self) -> None:
        super().__init__(openLinks=False)
        self.setAccessibleName("Notes, formatted")
        self.anchorClicked.connect(self._open_link)

    def show_markdown(self, text: str) -> None:
        """Show a text."""
        if text != self.property("markdown"):
            self.setProperty("markdown", text)
            self.setMarkdown(text)

    def loadResource(self, kind: int, url: QUrl | str) -> object:
        """Nothing: the text came with a file that anybody may have written."""
        return None

    def _open_link(self, url: QUrl) -> None:
        if url.scheme() in WEB_SCHEMES:
            QDesktopServices.openUrl(url)
