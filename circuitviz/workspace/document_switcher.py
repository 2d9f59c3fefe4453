"""Which document is on the screen: that of the tab in front, or what its search has so far."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Command, Document, State
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.selection import Selection
from circuitviz.workspace.selection_filter import restrict_selection
from circuitviz.workspace.tabs import DocumentTab, TabList
from circuitviz.workspace.undo_step import UndoStep


class DocumentSwitcher(QObject):
    """Changes the document on the screen and tells everybody, always in one order.

    The order is: closing (what belongs to the old document is written into it), opened, published, changed,
    shown. While a search runs, its partial result is a document of its own on the screen, so that nothing of
    the person's document can be shown with it; that waits in ``user_document``. What happens in a tab that
    is not in front is told when it comes to the front.
    """

    document_closing = Signal()
    document_opened = Signal()
    state_published = Signal(object)  # State of the person's document; None: a partial result is shown
    state_changed = Signal()
    document_shown = Signal()
    state_reached = Signal(object)  # State that a step of undo or redo has led to

    def __init__(
        self, selection: Selection, tabs: TabList, notifier: Notifier, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._selection, self._tabs, self._notifier = selection, tabs, notifier
        self._is_leave_announced = False

    @property
    def front(self) -> DocumentTab:
        """The tab that is on the screen."""
        return self._tabs.front

    @property
    def document(self) -> Document:
        """What is on the screen."""
        return self.front.document

    @property
    def user_document(self) -> Document:
        """The person's document, whatever a search shows meanwhile."""
        return self.front.user_document

    @property
    def partial_result(self) -> SearchResult | None:
        """What a running search has so far, where that is on the screen."""
        return self.front.partial_result

    def apply_command(self, command: Command) -> None:
        """Do a command as one step of undo; nothing where it changes nothing, or while a search is shown."""
        before = self.document.state
        after = command.transform(before)
        if after.hash == before.hash and after.circuit is before.circuit:
            return
        if self.partial_result is not None:
            self._notifier.post_message("The circuit cannot be changed while its search is running.")
            return
        step = UndoStep(command.text, (before, after), self.set_state, command.merge_key)
        self.front.undo_stack.push(step)

    def set_state(self, state: State) -> None:
        """Be at a state of the document in front: what a step of undo does."""
        self.document.set_state(state)
        self.publish_state()
        self.state_reached.emit(state)

    def announce_leaving(self) -> None:
        """Tell once that the document is about to leave the screen."""
        if not self._is_leave_announced:
            self._is_leave_announced = True
            self.document_closing.emit()

    def place_document(self, tab: DocumentTab, document: Document) -> None:
        """Put a document into a tab, in place of what it has; it is shown where the tab is in front."""
        if tab is self.front:
            self.announce_leaving()
        self._tabs.place_document(tab, document)
        if tab is self.front:
            self.show_front()

    def show_partial_result(self, tab: DocumentTab, document: Document, result: SearchResult) -> None:
        """Show in a tab what its search has so far."""
        is_in_front, is_first = tab is self.front, tab.hidden_document is None
        if is_first:
            if is_in_front:
                self.announce_leaving()
            tab.hidden_document, tab.edge_opacity = tab.document, None
        tab.document, tab.partial_result = document, result
        self._tabs.changed.emit()
        if not is_in_front:
            return
        if is_first:
            self.show_front()
        else:
            self.publish_state()

    def end_partial_result(self, tab: DocumentTab) -> None:
        """Show the person's document again, where a search showed what it had."""
        if tab.hidden_document is None:
            return
        tab.document, tab.hidden_document, tab.partial_result = tab.hidden_document, None, None
        self._tabs.changed.emit()
        if tab is self.front:
            self.show_front()

    def show_front(self) -> None:
        """Show the document of the tab in front, at the state that it has."""
        self._is_leave_announced = False
        self.document_opened.emit()
        self.publish_state()
        self.document_shown.emit()

    def publish_state(self) -> None:
        """Show the document's present state."""
        state = self.document.state
        self._selection.set(*restrict_selection(state, self._selection.nodes, self._selection.edges))
        self.state_published.emit(state if self.partial_result is None else None)
        self.state_changed.emit()
