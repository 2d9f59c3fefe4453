"""Which document is on the screen.

Another one is opened, undo leads from one to the other, or a search shows what it has so far.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from circuitviz.document import Command, Document, State
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.selection import Selection
from circuitviz.workspace.selection_filter import restrict_selection
from circuitviz.workspace.undo_step import UndoStep


class DocumentSwitcher(QObject):
    """Changes the document on the screen and tells everybody, always in one order.

    The order is: closing (what belongs to the old document is written into it), opened, published, changed,
    shown. While a search runs, its partial result is a document of its own on the screen, so that nothing of
    the person's document can be shown with it; that waits in ``user_document``.

    Attributes:
        document: What is on the screen.
        partial_result: What a running search has so far, where that is on the screen.
        edge_opacity: How opaque each edge is drawn, by name; None: all as usual.
    """

    document_closing = Signal()
    document_opened = Signal()
    state_published = Signal(object)  # State of the person's document; None: a partial result is shown
    state_changed = Signal()
    document_shown = Signal()
    document_left = Signal()  # by a step of undo, for another document
    state_reached = Signal(object)  # State that a step of undo or redo has led to

    def __init__(
        self, selection: Selection, undo_stack: QUndoStack, notifier: Notifier, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._selection, self._undo_stack, self._notifier = selection, undo_stack, notifier
        self.document = Document()
        self.partial_result: SearchResult | None = None
        self.edge_opacity: dict[str, float] | None = None
        self._hidden_document: Document | None = None
        self._is_leave_announced = False

    @property
    def user_document(self) -> Document:
        """The person's document, whatever a search shows meanwhile."""
        return self.document if self._hidden_document is None else self._hidden_document

    def apply_command(self, command: Command) -> None:
        """Do a command as one step of undo; nothing where it changes nothing, or while a search is shown."""
        document, before = self.document, self.document.state
        after = command.transform(before)
        if after.hash == before.hash and after.circuit is before.circuit:
            return
        if self.partial_result is not None:
            self._notifier.post_message("The circuit cannot be changed while a search is running.")
            return
        ends = (document, before), (document, after)
        self._undo_stack.push(UndoStep(command.text, *ends, self.go_to, command.merge_key))

    def push_document(self, document: Document, text: str) -> None:
        """Go to another document as one step of undo, which leads back to this one."""
        before = (self.document, self.document.state)
        self._undo_stack.push(UndoStep(text, before, (document, document.state), self.go_to))

    def go_to(self, document: Document, state: State) -> None:
        """Be at a state of a document: what a step of undo does."""
        was_partial = self.restore_user_document()
        is_other = document is not self.document
        if is_other:
            self.announce_leaving()
            self.document_left.emit()
        document.set_state(state)
        if is_other or was_partial:
            self.show_document(document)
        else:
            self.publish_state()
        self.state_reached.emit(state)

    def announce_leaving(self) -> None:
        """Tell once that the document is about to leave the screen."""
        if not self._is_leave_announced:
            self._is_leave_announced = True
            self.document_closing.emit()

    def show_document(self, document: Document) -> None:
        """Show a document, at the state that it has."""
        self.document, self.edge_opacity, self._is_leave_announced = document, None, False
        self.document_opened.emit()
        self.publish_state()
        self.document_shown.emit()

    def show_user_document(self) -> None:
        """Show the person's document again, after a search's partial result."""
        self.show_document(self.document)

    def show_partial_result(self, document: Document, result: SearchResult) -> None:
        """Show what a search has so far, in place of the person's document or of what it had before."""
        is_first = self._hidden_document is None
        if is_first:
            self.announce_leaving()
            self._hidden_document = self.document
            self.edge_opacity = None
        self.document, self.partial_result = document, result
        if is_first:
            self.document_opened.emit()
        self._restrict_selection(document.state)
        self.state_published.emit(None)
        self.state_changed.emit()
        if is_first:
            self.document_shown.emit()

    def restore_user_document(self) -> bool:
        """Make the person's document the current one again, without telling anybody.

        Returns:
            Whether a partial result was on the screen.
        """
        if self._hidden_document is None:
            return False
        self.document, self._hidden_document, self.partial_result = self._hidden_document, None, None
        return True

    def publish_state(self) -> None:
        """Show the document's present state."""
        state = self.document.state
        self._restrict_selection(state)
        self.state_published.emit(state)
        self.state_changed.emit()

    def _restrict_selection(self, state: State) -> None:
        self._selection.set(*restrict_selection(state, self._selection.nodes, self._selection.edges))
