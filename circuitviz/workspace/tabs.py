"""The open tabs: each holds a document with everything that belongs to it alone.

One tab is in front. What commands and panels see of the workspace (document, undo, selection, model, prompt)
is that tab's; on the way to another one it is written into the tab that is left, and comes back with it. So
panels need to know nothing of tabs: they hear of another document, as they do when a file is opened.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoGroup, QUndoStack

from circuitviz.document import Document
from circuitviz.document.origin import PromptOrigin
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workbench.requests.messages import ModelReady
from circuitviz.workbench.requests.open_document_model import ConsentNeeded

if TYPE_CHECKING:
    from circuitviz.jobs.job_handle import JobHandle
    from circuitviz.workspace.search_queue import QueuedSearch

EMPTY_TAB_NAME = "New tab"
MAX_PROMPT_CHARACTERS = 24  # of a prompt in the name of a tab


@dataclass(eq=False)
class DocumentTab:
    """A document, and how a person works on it.

    Attributes:
        number: Of the worker's tabs: its jobs and its engine have it, too.
        undo_stack: The steps that were done in this tab.
        document: What the tab shows: the person's document, or a search's partial result.
        hidden_document: The person's document while a partial result is shown in its place.
        partial_result: What a running search has so far, where that is shown.
        edge_opacity: How opaque each edge is drawn, by name; None: all as usual.
        selected_nodes, selected_edges: What was selected when the tab was left.
        opened_model: The model and task that the tab has open; while it is in front, ``ModelStatus`` has it.
        opened_requirements: Of the circuit that they were opened for; empty: nobody knows.
        needed_model: A model that is opened only when the person says so.
        opening: The latest job that opens what the circuit needs.
        prompt_index: Which of the task's prompts is read.
        search: The search whose result it waits for.
    """

    number: int
    undo_stack: QUndoStack
    document: Document = field(default_factory=Document)
    hidden_document: Document | None = None
    partial_result: SearchResult | None = None
    edge_opacity: dict[str, float] | None = None
    selected_nodes: frozenset[str] = frozenset()
    selected_edges: frozenset[str] = frozenset()
    opened_model: ModelReady | None = None
    opened_requirements: tuple[object, ...] = ()
    needed_model: ConsentNeeded | None = None
    opening: JobHandle | None = None
    prompt_index: int = 0
    search: QueuedSearch | None = None

    @property
    def user_document(self) -> Document:
        """The person's document, whatever a search shows meanwhile."""
        return self.document if self.hidden_document is None else self.hidden_document

    @property
    def is_untouched(self) -> bool:
        """Whether nothing is lost when another document takes its place: it is empty, and no search's."""
        document = self.user_document
        is_empty = document.state.circuit is None and document.path is None
        return is_empty and self.search is None and not self.undo_stack.count()

    @property
    def has_unsaved_work(self) -> bool:
        """Whether closing it would lose something."""
        return self.user_document.is_dirty and self.user_document.state.circuit is not None

    @property
    def name(self) -> str:
        """The file's name, or what the circuit is of."""
        document = self.user_document
        if document.path is not None:
            return document.path.name
        if document.state.circuit is not None:
            return describe_subject(document)
        return EMPTY_TAB_NAME if self.search is None else self.search.name


class TabList(QObject):
    """All tabs of a window, in their order. ``changed``: of the list, the order, the front, a name or a mark.

    Attributes:
        tabs: The tabs, from left to right; never empty.
        front: The one that is on the screen.
        undo_group: Their undo stacks; that of the tab in front is active.
    """

    changed = Signal()

    def __init__(self, number: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_group = QUndoGroup(self)
        self.front = DocumentTab(number, QUndoStack(self.undo_group))
        self.tabs = [self.front]
        self._front_before: list[DocumentTab] = []  # the latest last
        self._follow(self.front.document)
        self.undo_group.setActiveStack(self.front.undo_stack)

    def add(self, number: int) -> DocumentTab:
        """Add an empty tab to the right of the one in front, which stays there."""
        tab = DocumentTab(number, QUndoStack(self.undo_group))
        self._follow(tab.document)
        self.tabs.insert(self.tabs.index(self.front) + 1, tab)
        self.changed.emit()
        return tab

    def set_front(self, tab: DocumentTab) -> None:
        """Bring a tab to the front."""
        self._front_before = [other for other in self._front_before if other not in (tab, self.front)]
        self._front_before.append(self.front)
        self.front = tab
        self.undo_group.setActiveStack(tab.undo_stack)
        self.changed.emit()

    def remove(self, tab: DocumentTab) -> None:
        """Remove a tab that is not in front."""
        self.tabs.remove(tab)
        self._front_before = [other for other in self._front_before if other is not tab]
        self._unfollow(tab.user_document)
        self.undo_group.removeStack(tab.undo_stack)
        tab.undo_stack.deleteLater()
        self.changed.emit()

    def move(self, tab: DocumentTab, index: int) -> None:
        """Put a tab at another place."""
        if self.tabs.index(tab) != index:
            self.tabs.remove(tab)
            self.tabs.insert(index, tab)
            self.changed.emit()

    def place_document(self, tab: DocumentTab, document: Document) -> None:
        """Put a document into a tab, in place of the one that it had."""
        self._unfollow(tab.user_document)
        tab.document, tab.hidden_document, tab.partial_result = document, None, None
        tab.edge_opacity = None
        self._follow(document)
        self.changed.emit()

    @property
    def earlier_fronts(self) -> list[DocumentTab]:
        """The tabs that were in front before, the latest first."""
        return self._front_before[::-1]

    def tab_before(self) -> DocumentTab:
        """The tab to go to when the one in front is closed: the one that was in front before it."""
        if self._front_before:
            return self._front_before[-1]
        index = self.tabs.index(self.front)
        return self.tabs[index + 1 if index + 1 < len(self.tabs) else index - 1]

    def tab_of(self, document: Document) -> DocumentTab | None:
        """The tab that has a document of the person's."""
        return next((tab for tab in self.tabs if tab.user_document is document), None)

    def tab_at(self, path: Path) -> DocumentTab | None:
        """The tab that has a file open."""
        real = path.resolve()
        paths = ((tab, tab.user_document.path) for tab in self.tabs)
        return next((tab for tab, other in paths if other is not None and other.resolve() == real), None)

    def display_names(self) -> list[str]:
        """A name for each tab that no other has: the method, and else a number, tells equal ones apart."""
        names = [tab.name for tab in self.tabs]
        for tell_apart in (_method_of, lambda tab: f"({self.tabs.index(tab) + 1})"):
            counts = Counter(names)
            is_ambiguous = [counts[name] > 1 and name != EMPTY_TAB_NAME for name in names]
            pairs = zip(names, self.tabs, is_ambiguous, strict=True)
            names = [f"{name} {tell_apart(tab)}".strip() if again else name for name, tab, again in pairs]
        return names

    def _follow(self, document: Document) -> None:
        document.dirty_changed.connect(self._on_document_changed)

    def _unfollow(self, document: Document) -> None:
        document.dirty_changed.disconnect(self._on_document_changed)

    def _on_document_changed(self, _is_dirty: bool) -> None:
        self.changed.emit()


def describe_subject(document: Document) -> str:
    """What a circuit is of: task and model, as in 'ioi · demo', or the prompt, or the imported file."""
    origin = document.state.origin
    if origin is None:
        imported = document.extra.get("imported")
        file = imported.get("file") if isinstance(imported, dict) else None
        return str(file) if file else "Untitled circuit"
    if isinstance(origin, PromptOrigin):
        return name_subject(f"“{shorten_prompt(origin.query.prompt)}”", origin.model)
    return name_subject(origin.task, origin.model)


def name_subject(task: str, model: str) -> str:
    """Task and model for a tab; of paths only the last part."""
    return f"{Path(task).name if '/' in task else task} · {Path(model).name or model}"


def shorten_prompt(prompt: str) -> str:
    """The end of a prompt, which tells more than its beginning."""
    text = " ".join(prompt.split())
    return text if len(text) <= MAX_PROMPT_CHARACTERS else f"…{text[-MAX_PROMPT_CHARACTERS:].lstrip()}"


def describe_tab(tab: DocumentTab) -> str:
    """Where the document is saved and what it was made with, one a line."""
    document = tab.user_document
    lines = [str(document.path) if document.path is not None else "Not saved to a file yet"]
    if (origin := document.state.origin) is not None:
        task = origin.query.prompt if isinstance(origin, PromptOrigin) else origin.task
        lines += [f"Model: {origin.model}", f"Task: {task}", f"Method: {origin.method}"]
    elif tab.search is not None:
        lines = [f"Search with {tab.search.method}"]
    elif document.state.circuit is None:
        return "An empty tab: a search or a file opens in it"
    return "\n".join(lines)


def _method_of(tab: DocumentTab) -> str:
    origin, search = tab.user_document.state.origin, tab.search
    if origin is not None:
        return f"({origin.method})"
    return "" if search is None else f"({search.method})"
