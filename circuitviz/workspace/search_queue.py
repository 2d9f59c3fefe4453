"""Searches run one after another, each for the tab that asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Document
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.worker import Worker
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.discover_prompt_circuit import DiscoverPromptCircuit
from circuitviz.workbench.requests.messages import ProgressReported, Reply
from circuitviz.workspace.tabs import DocumentTab, name_subject, shorten_prompt

SearchRequest = DiscoverCircuit | DiscoverPromptCircuit


class SearchStatus(Enum):
    """What a search is doing."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(eq=False)
class QueuedSearch:
    """A search that a tab waits for.

    Attributes:
        tab: Where its circuit goes.
        request: What is asked for.
        source: The document that was in front when it was asked: annotations of the same model and task go
            along.
        is_example: Its circuit can be had again with one click, and does not count as unsaved work.
        source_tab: The tab that was in front then.
        status: Whether it waits, runs or is paused.
        progress: How far it is; None before its first step.
        has_result: Whether its circuit is in the tab.
    """

    tab: DocumentTab
    request: SearchRequest
    source: Document
    is_example: bool = False
    source_tab: DocumentTab | None = None
    status: SearchStatus = SearchStatus.WAITING
    progress: ProgressReported | None = None
    has_result: bool = False

    @property
    def name(self) -> str:
        """What it is of, as the tab is named."""
        match self.request:
            case DiscoverCircuit(model=model, task=task):
                return name_subject(task, model)
            case DiscoverPromptCircuit(attribution_query=query):
                return name_subject(f"“{shorten_prompt(query.prompt)}”", query.model)

    @property
    def method(self) -> str:
        """The method that scores the edges."""
        if isinstance(self.request, DiscoverCircuit):
            return self.request.method
        return self.request.attribution_query.method


def describe_wait(search: QueuedSearch) -> str:
    """What a tab without a circuit says about the search that it waits for."""
    match search.status:
        case SearchStatus.WAITING:
            return f"The search for {search.name} begins once those before it have ended"
        case SearchStatus.PAUSED:
            return f"The search for {search.name} is paused"
        case _:
            return f"Searching for the circuit of {search.name} …"


class SearchQueue(QObject):
    """The searches that have not ended, in the order in which they run.

    Attributes:
        searches: The searches.
    """

    changed = Signal()  # another search, another order, or another status
    progressed = Signal(object)  # Search
    replied = Signal(object, object)  # Search, Reply
    ended = Signal(object)  # Search, once nothing more comes of it

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self.searches: list[QueuedSearch] = []
        # not in the searches, which their connections hold: Qt objects in a cycle die on whichever thread
        self._handles: dict[QueuedSearch, JobHandle] = {}

    def add(self, search: QueuedSearch) -> JobHandle:
        """Let a search run after those that wait already; returns its job."""
        handle = self._handles[search] = self._worker.submit(
            search.request, search.tab.number, is_search=True, is_held=True
        )
        search.tab.search = search
        handle.replied.connect(partial(self._on_replied, search))
        for signal in (handle.finished, handle.failed, handle.cancelled):
            signal.connect(partial(self._on_ended, search))
        self.searches.append(search)
        self._start_next()
        return handle

    def handle_of(self, search: QueuedSearch) -> JobHandle:
        """The job of a search that has not ended."""
        return self._handles[search]

    def pause(self, search: QueuedSearch) -> None:
        """Stop a search after its present step; the next one runs meanwhile."""
        if search.status is SearchStatus.RUNNING:
            self._worker.hold(self._handles[search])
        if search.status in (SearchStatus.RUNNING, SearchStatus.WAITING):
            search.status = SearchStatus.PAUSED
            self._start_next()

    def resume(self, search: QueuedSearch) -> None:
        """Let a paused search go on, once the one that runs has ended."""
        if search.status is SearchStatus.PAUSED:
            search.status = SearchStatus.WAITING
            self._start_next()

    def cancel(self, search: QueuedSearch) -> None:
        """End a search, unless it has ended; what it has found so far goes to its tab."""
        if (handle := self._handles.get(search)) is not None:
            handle.cancel()

    def move_up(self, search: QueuedSearch) -> None:
        """Let a search run before the one that is above it."""
        index = self.searches.index(search)
        if index > 0:
            self.searches.insert(index - 1, self.searches.pop(index))
            self.changed.emit()

    def _start_next(self) -> None:
        statuses = [search.status for search in self.searches]
        if SearchStatus.RUNNING not in statuses and SearchStatus.WAITING in statuses:
            search = self.searches[statuses.index(SearchStatus.WAITING)]
            search.status = SearchStatus.RUNNING
            self._worker.release(self._handles[search])
        self.changed.emit()

    def _on_replied(self, search: QueuedSearch, reply: Reply) -> None:
        if isinstance(reply, ProgressReported):
            search.progress = reply
            self.progressed.emit(search)
        self.replied.emit(search, reply)

    def _on_ended(self, search: QueuedSearch, *_: object) -> None:
        search.status, search.tab.search = SearchStatus.ENDED, None
        self.searches.remove(search)
        del self._handles[search]
        self.ended.emit(search)
        self._start_next()
