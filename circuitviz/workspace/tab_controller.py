"""Opens, shows and closes tabs, and carries what belongs to a tab in and out of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Document
from circuitviz.workspace.search_queue import QueuedSearch
from circuitviz.workspace.tabs import DocumentTab

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


class TabController(QObject):
    """Changes which tabs there are and which one is in front.

    Signals: ``leaving``, before a tab is left, while its document is on the screen; ``front_changed``, once
    the new one is in front and before its document is announced.
    """

    leaving = Signal()
    front_changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace

    def open_empty(self) -> DocumentTab:
        """Bring an untouched empty tab to the front: one that there is, or a new one."""
        tab = self._workspace.tabs.front if self._workspace.tabs.front.is_untouched else self._find_empty()
        self.show(tab)
        return tab

    def prepare(self) -> DocumentTab:
        """An empty tab for a document or a search, which comes to the front once it has that."""
        workspace = self._workspace
        if not workspace.tabs.front.is_untouched:
            return self._find_empty()
        # what was asked of no document is void
        workspace.set_selection(frozenset(), frozenset())
        workspace.worker.drop_document_jobs(workspace.tabs.front.number)
        workspace.model_status.close()
        return workspace.tabs.front

    def _find_empty(self) -> DocumentTab:
        tabs = self._workspace.tabs
        tab = next((tab for tab in tabs.tabs if tab.is_untouched), None)
        return tab or tabs.add(self._workspace.worker.open_tab())

    def show(self, tab: DocumentTab) -> None:
        """Bring a tab to the front, with all that belongs to it."""
        workspace = self._workspace
        before = workspace.tabs.front
        if tab is before or tab not in workspace.tabs.tabs:
            return
        workspace.commit_input_requested.emit()
        workspace.document_switcher.announce_leaving()
        self.leaving.emit()
        before.opened_model = workspace.opened_model
        before.selected_nodes, before.selected_edges = workspace.selected_nodes, workspace.selected_edges
        workspace.set_selection(frozenset(), frozenset())  # while the document that it is of is still there
        workspace.tabs.set_front(tab)
        workspace.worker.set_front_tab(tab.number, before.number)
        workspace.opened_model = tab.opened_model
        self.front_changed.emit()
        workspace.document_switcher.show_front()
        workspace.set_selection(tab.selected_nodes, tab.selected_edges)
        workspace.prompt_changed.emit()
        workspace.prompt_circuits.needed_model_changed.emit()
        if tab.opened_model is not None:
            workspace.model_status.set_ready(tab.opened_model)
            workspace.live_faithfulness.on_model_ready()
        workspace.prompt_circuits.ensure_opened(tab.user_document.state)

    def reload(self, tab: DocumentTab, document: Document) -> None:
        """Put what was read again from a tab's file into it; undo begins anew."""
        workspace = self._workspace
        self.show(tab)
        tab.undo_stack.clear()
        workspace.set_selection(frozenset(), frozenset())
        workspace.worker.drop_document_jobs(tab.number)
        workspace.model_status.close()
        tab.opened_requirements = ()
        workspace.document_switcher.place_document(tab, document)
        workspace.prompt_circuits.ensure_opened(document.state)

    def show_next(self, offset: int) -> None:
        """Bring the tab to the front that stands so many places further right; past the end, the first."""
        tabs = self._workspace.tabs
        self.show(tabs.tabs[(tabs.tabs.index(tabs.front) + offset) % len(tabs.tabs)])

    def close(self, tab: DocumentTab, next_front: DocumentTab | None = None) -> None:
        """Close a tab and end its search; unsaved work is asked about before this. One tab always stays.

        Args:
            tab: The tab.
            next_front: What comes to the front where it was there; None: what was in front before it.
        """
        workspace = self._workspace
        if tab not in workspace.tabs.tabs:
            return
        if workspace.tabs.tabs == [tab]:
            if tab.is_untouched:
                return
            workspace.tabs.add(workspace.worker.open_tab())
        if tab is workspace.tabs.front:
            self.show(next_front or workspace.tabs.tab_before())
        workspace.tabs.remove(tab)
        workspace.worker.close_tab(tab.number)

    def close_unused(self, search: QueuedSearch) -> None:
        """Close the tab of a search that found nothing, and go back to where it was asked."""
        tabs, tab = self._workspace.tabs, search.tab
        if tab not in tabs.tabs or not tab.is_untouched or tabs.tabs == [tab]:
            return
        if tab is tabs.front and search.source_tab in tabs.tabs:
            assert search.source_tab is not None
            self.show(search.source_tab)
        self.close(tab)
