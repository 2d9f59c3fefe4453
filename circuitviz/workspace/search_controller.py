"""Searches: each has a tab of its own, where its circuit goes, whichever tab is in front.

The circuit of a search is a document of its own, without a file, so that nothing of another circuit can be
shown with it or saved over. A search that was cancelled leaves what it had in its tab, marked partial; one
that found nothing leaves no tab.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Command, Origin
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import PromptSearchResult
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.search_queue import QueuedSearch, SearchQueue, SearchRequest
from circuitviz.workspace.tab_controller import TabController
from circuitviz.workspace.tabs import TabList


class SearchController(QObject):
    """Starts searches, and puts what they find into their tabs.

    Attributes:
        queue: The searches that have not ended.
    """

    search_finished = Signal(object)  # Search, whatever else still runs
    search_failed = Signal(object)  # Search that found nothing
    result_placed = Signal(object)  # Search whose circuit is in its tab now

    def __init__(
        self,
        documents: DocumentSwitcher,
        tabs: TabList,
        queue: SearchQueue,
        tab_controller: TabController,
        notifier: Notifier,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._documents, self._tabs, self._notifier = documents, tabs, notifier
        self._tab_controller = tab_controller
        self.queue = queue
        queue.ended.connect(self._on_ended)

    @property
    def is_running(self) -> bool:
        """Whether the tab in front waits for a search."""
        return self._tabs.front.search is not None

    def start(self, request: SearchRequest, is_example: bool = False) -> QueuedSearch:
        """Search in a tab of its own, which comes to the front; an untouched empty tab is used for it.

        Args:
            request: What is asked for.
            is_example: It can be had again with one click, and does not count as unsaved work.
        """
        source_tab = self._tabs.front
        source = self._documents.user_document
        search = QueuedSearch(self._tab_controller.prepare(), request, source, is_example, source_tab)
        self.queue.add(search)
        self._tab_controller.show(search.tab)
        return search

    def on_result(self, search: QueuedSearch, result: SearchResult) -> None:
        """Show a partial result, and put the last one into the search's tab."""
        if result.partial and not result.cancelled:
            successor = search.source.create_successor(result.command(), result.origin)
            self._documents.show_partial_result(search.tab, successor, result)
            return
        self.place_result(search, result.command(), result.origin)
        found = f"{result.circuit.n_edges:,} edges"
        if result.cancelled:
            text = f"The search ended early ({result.last_step}): {found} in the partial result."
        else:
            text = f"{found} found."
        self._notifier.post_message(f"{text} {result.circuit.note}".strip())

    def on_answer(self, search: QueuedSearch, reply: PromptSearchResult) -> None:
        """Put the circuit of a prompt into the search's tab."""
        self.place_result(search, reply.command(), reply.origin)
        self._notifier.post_message(reply.summary())

    def place_result(self, search: QueuedSearch, command: Command, origin: Origin) -> None:
        """Put a search's circuit into its tab, as a document of its own."""
        successor = search.source.create_successor(command, origin)
        if search.is_example:
            successor.treat_as_saved()
        search.has_result = True
        search.tab.opened_requirements = origin.requirements
        self._documents.place_document(search.tab, successor)
        self.result_placed.emit(search)

    def _on_ended(self, search: QueuedSearch) -> None:
        self._documents.end_partial_result(search.tab)
        self.search_finished.emit(search)
        if not search.has_result:
            self.search_failed.emit(search)
