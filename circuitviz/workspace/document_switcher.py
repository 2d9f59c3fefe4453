"""Which document is on the screen: another one is opened, or undo leads from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.document import Document, State
from circuitviz.workspace.selection_filter import restrict_selection
from circuitviz.workspace.undo_step import UndoStep

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


class DocumentSwitcher(QObject):
    """Changes the desk's document and tells everybody, in one order: left, opened, drawn, shown."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self._is_leave_announced = False

    def open_document(self, document: Document) -> None:
        """Show a document; undo begins anew, and what was asked for the one before is void."""
        desk = self.workspace
        desk.search_controller.discard_search()
        desk.set_selection(frozenset(), frozenset())  # while the document that it is of is still there
        desk.undo_stack.clear()
        desk.worker.drop_document_jobs()
        desk.opened_model = None
        self._show_document(document)
        desk.prompt_circuits.on_opened(None)
        desk.prompt_circuits.ensure_opened(document.state)

    def push_document(self, document: Document, text: str) -> None:
        """Go to another document as one step of undo, which leads back to this one."""
        desk = self.workspace
        before = (desk.document, desk.document.state)
        desk.undo_stack.push(UndoStep(text, before, (document, document.state), self.go_to))

    def go_to(self, document: Document, state: State) -> None:
        """Be at a state of a document: what a step of undo does."""
        desk = self.workspace
        partial_shown = desk.search_controller.drop_partial_result()
        other = document is not desk.document
        if other:
            self.announce_leaving()
            if not desk.search_controller.is_running:
                desk.worker.drop_document_jobs()
        document.set_state(state)
        if other or partial_shown:
            self._show_document(document)
        else:
            self.publish_state()
        desk.prompt_circuits.ensure_opened(state)

    def announce_leaving(self) -> None:
        """Tell once that the document is about to leave the screen."""
        if not self._is_leave_announced:
            self._is_leave_announced = True
            self.workspace.document_closing.emit()

    def show_user_document(self) -> None:
        """Show the person's document again, after a search's partial result."""
        self._show_document(self.workspace.document)

    def show_partial_result(self, document: Document, is_first: bool) -> None:
        """Show what a search has so far; begins: for the first time, in place of the person's document."""
        desk = self.workspace
        desk.document = document
        if is_first:
            desk.edge_opacity = None
            desk.live_faithfulness.reset()
            desk.document_opened.emit()
        desk.set_selection(*restrict_selection(document.state, desk.selected_nodes, desk.selected_edges))
        desk.live_faithfulness.clear()
        desk.state_changed.emit()
        if is_first:
            desk.document_shown.emit()

    def publish_state(self) -> None:
        """Show the document's present state."""
        desk, state = self.workspace, self.workspace.document.state
        desk.set_selection(*restrict_selection(state, desk.selected_nodes, desk.selected_edges))
        desk.live_faithfulness.on_state_changed(state)
        desk.state_changed.emit()

    def _show_document(self, document: Document) -> None:
        desk = self.workspace
        desk.document, desk.edge_opacity, self._is_leave_announced = document, None, False
        desk.live_faithfulness.reset()
        desk.document_opened.emit()
        self.publish_state()
        desk.document_shown.emit()
