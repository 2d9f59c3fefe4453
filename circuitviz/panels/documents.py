"""Which document is on the screen: another one is opened, or undo leads from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.panels.keeping import kept
from circuitviz.panels.undo import StateStep
from circuitviz.session import Document, State

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk


class Documents(QObject):
    """Changes the desk's document and tells everybody, in one order: left, opened, drawn, shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.desk = desk
        self._left = False

    def open(self, document: Document) -> None:
        """Show a document; undo begins anew, and what was asked for the one before is void."""
        desk = self.desk
        desk.searches.forget()
        desk.select(frozenset(), frozenset())  # while the document that it is of is still there
        desk.undo.clear()
        desk.worker.leave()
        desk.opened = None
        self._show(document)
        desk.asking.came(None)
        desk.asking.adopt(document.state)

    def turn_to(self, document: Document, text: str) -> None:
        """Go to another document as one step of undo, which leads back to this one."""
        desk = self.desk
        before = (desk.document, desk.document.state)
        desk.undo.push(StateStep(text, before, (document, document.state), self.go))

    def go(self, document: Document, state: State) -> None:
        """Be at a state of a document: what a step of undo does."""
        desk = self.desk
        partial_shown = desk.searches.interrupt()
        other = document is not desk.document
        if other:
            self.leave()
            if not desk.searches.under_way:
                desk.worker.leave()
        document.apply(state)
        if other or partial_shown:
            self._show(document)
        else:
            self.draw()
        desk.asking.adopt(state)

    def leave(self) -> None:
        """Tell once that the document is about to leave the screen."""
        if not self._left:
            self._left = True
            self.desk.document_left.emit()

    def come_back(self) -> None:
        """Show the person's document again, after a search's partial result."""
        self._show(self.desk.document)

    def show_partial(self, document: Document, begins: bool) -> None:
        """Show what a search has so far; begins: for the first time, in place of the person's document."""
        desk = self.desk
        desk.document = document
        if begins:
            desk.opacity = None
            desk.live.begin()
            desk.document_opened.emit()
        desk.select(*kept(document.state, desk.nodes, desk.edges))
        desk.live.hush()
        desk.state_changed.emit()
        if begins:
            desk.document_shown.emit()

    def draw(self) -> None:
        """Show the document's present state."""
        desk, state = self.desk, self.desk.document.state
        desk.select(*kept(state, desk.nodes, desk.edges))
        desk.live.follow(state)
        desk.state_changed.emit()

    def _show(self, document: Document) -> None:
        desk = self.desk
        desk.document, desk.opacity, self._left = document, None, False
        desk.live.begin()
        desk.document_opened.emit()
        self.draw()
        desk.document_shown.emit()
