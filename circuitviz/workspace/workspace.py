"""What window and panels share: the open tabs, the document in front, the selection, and the jobs.

A window has one workspace, and a workspace has a list of tabs (``tabs``). Each tab holds a document with its
undo stack, its model and task, its selection and the search that it waits for. One tab is in front, and what
the workspace says of *the* document, selection or model is that tab's. Another tab comes to the front in
three steps: what belongs to the old one is written into it (``document_closing``: the camera, what is typed),
the list changes its front, and the new document is announced with the same signals as a file that was opened.

On the worker's thread each tab has an engine of its own with model, task and prompt, so that changing the tab
loads nothing; engines of the same model share it. Jobs of a tab that is not in front go on, and their replies
wait until it is in front again (``Worker``), so nobody ever hears of another tab than the one on the screen.
Only searches are told of at once: their circuit goes to the tab that asked, in front or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoGroup, QUndoStack

from circuitviz.document import Command, Document, State, select_edges
from circuitviz.document.attribution_query import EDGE_SHARE_SELECTION
from circuitviz.document.node_text import describe_graph_source
from circuitviz.graph.connectivity import CircuitPath
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.task_pool import TaskPool
from circuitviz.jobs.worker import Worker
from circuitviz.workbench.requests.discover_circuit import (
    DiscoverCircuit,
    SearchResult,
)
from circuitviz.workbench.requests.load_catalog import LoadCatalog
from circuitviz.workbench.requests.measure_curve import CurveMeasured, MeasureCurve
from circuitviz.workbench.requests.messages import (
    JobFailed,
    ModelReady,
    Request,
)
from circuitviz.workbench.requests.read_task_node import ReadTaskNode, TaskNodeRead
from circuitviz.workspace.comparison_set import ComparisonSet
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.file_loader import FileLoader
from circuitviz.workspace.live_faithfulness import LiveFaithfulness
from circuitviz.workspace.model_status import ModelStatus
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.prompt_circuits import PromptCircuitController
from circuitviz.workspace.reply_router import ReplyRouter
from circuitviz.workspace.save_service import SaveService
from circuitviz.workspace.search_controller import SearchController
from circuitviz.workspace.search_form import SearchForm
from circuitviz.workspace.search_queue import QueuedSearch, SearchQueue, SearchStatus
from circuitviz.workspace.selection import Selection
from circuitviz.workspace.tab_controller import TabController
from circuitviz.workspace.tabs import TabList
from circuitviz.workspace.user_settings import SessionSettings, UserSettings


class Workspace(QObject):
    """Wires the parts of the application's model together, and is what commands and panels are handed.

    Attributes:
        worker: The thread that owns the models.
        task_pool: Threads that read, write and draw.
        tabs: The open tabs.
        selection, notifier, model_status, document_switcher, search_queue, search_controller,
            live_faithfulness, prompt_circuits, tab_controller, comparison, file_loader, save_service,
            search_form, user_settings: Its parts.
        shown_feature: Whose dashboard is shown: its site and number.
        dictionary_folders: Folders of the open dictionaries; empty for those of the demo.
    """

    state_changed = Signal()
    commit_input_requested = Signal()  # what is typed and not yet taken over is to be put into the document
    stopping = Signal()  # the window goes: what is kept outside of documents is to be written now
    document_closing = Signal()  # while it is still there: what belongs to it is to be written into it now
    document_opened = Signal()
    document_shown = Signal()
    curve_changed = Signal()
    selection_changed = Signal()
    prompt_changed = Signal()
    feature_changed = Signal()
    path_highlighted = Signal(object)  # (path, text): what is highlighted over several hops, and its strength
    node_reading_received = Signal(object)
    model_ready = Signal(object)  # ModelReady
    catalog_received = Signal(object)  # Catalog
    progress_reported = Signal(object)  # ProgressReported, of any job
    worker_idle = Signal()
    model_released = Signal(str)  # what is said of it
    search_finished = Signal(object)  # Search, whatever else still runs
    unusable_rows_found = Signal(object)  # UnusableRowsFound: the person says whether they are left out
    task_checked = Signal(object)  # TaskCheck of the search that is about to begin
    measure_stored = Signal(str)  # the name of a measure of which the document has more, or all
    failure_reported = Signal(object)  # JobFailed
    message_posted = Signal(str)
    panel_requested = Signal(str)  # by its registered name, to the front

    def __init__(self, parent: QObject | None = None, user_settings: UserSettings | None = None) -> None:
        super().__init__(parent)
        self.worker = Worker(parent=self)
        self.user_settings = user_settings or SessionSettings()
        self.task_pool = TaskPool(self.worker.event_loop_queue, self)
        self.tabs = TabList(self.worker.open_tab(), self)
        self.notifier = Notifier(self)
        self.selection = Selection(self)
        self.model_status = ModelStatus(self)
        self.search_form = SearchForm(self)
        self.shown_feature: tuple[str, int] | None = None
        self.dictionary_folders: tuple[str, ...] = ()
        self.tab_controller = TabController(self)
        documents = DocumentSwitcher(self.selection, self.tabs, self.notifier, self)
        self.document_switcher = documents
        self.search_queue = SearchQueue(self.worker, self)
        self.search_controller = SearchController(
            documents, self.tabs, self.search_queue, self.tab_controller, self.notifier, self
        )
        self.live_faithfulness = LiveFaithfulness(documents, self.model_status, self.submit_request, self)
        self.prompt_circuits = PromptCircuitController(
            documents, self.selection, self.search_controller, self.live_faithfulness, self.model_status,
            self.submit_request, self.notifier, self,
        )  # fmt: skip
        self.file_loader = FileLoader(self.task_pool, self.notifier)
        self.comparison = ComparisonSet(documents, self.tabs, self.file_loader, self.submit_request, self)
        self.save_service = SaveService(self.task_pool, self.tabs, self.notifier, self)
        self._reply_router = ReplyRouter(self)
        self._connect_parts()

    def _connect_parts(self) -> None:
        """The parts are told of a change before the panels, which connect to the workspace's own signals."""
        documents, search, prompts = self.document_switcher, self.search_controller, self.prompt_circuits
        documents.document_opened.connect(lambda: self.comparison.set_overlaid(False))
        self.measure_stored.connect(self.comparison.follow_measure)
        documents.state_published.connect(self.live_faithfulness.on_state_changed)
        documents.state_reached.connect(prompts.ensure_opened)
        search.search_failed.connect(lambda _search: prompts.on_search_failed())
        self.model_released.connect(self.post_message)
        search.search_failed.connect(self.tab_controller.close_unused)
        search.search_finished.connect(lambda _search: prompts.ensure_opened(self.user_document.state))
        self.model_status.ready.connect(prompts.on_model_ready)
        self.live_faithfulness.exact_measured.connect(self._measure_missing_curve)
        for source, target in (
            (documents.document_closing, self.document_closing),
            (documents.document_opened, self.document_opened),
            (documents.document_shown, self.document_shown),
            (documents.state_changed, self.state_changed),
            (self.selection.changed, self.selection_changed),
            (search.search_finished, self.search_finished),
            (self.model_status.ready, self.model_ready),
            (self.notifier.message_posted, self.message_posted),
            (self.notifier.failure_reported, self.failure_reported),
        ):
            source.connect(target)

    # start and stop

    def start(self) -> None:
        """Start the worker, which loads what takes seconds."""
        self.worker.garbage_collector.start()
        self.worker.start()
        self.submit_request(LoadCatalog())
        self.comparison.load_references()

    def stop(self) -> None:
        """End all threads and wait for them, before the window goes; what is being written is written."""
        self.stopping.emit()
        self.worker.stop()
        self.save_service.stop()
        self.task_pool.stop()
        self.worker.garbage_collector.stop()

    # state

    @property
    def undo_stack(self) -> QUndoStack:
        """The steps of the tab in front."""
        return self.tabs.front.undo_stack

    @property
    def undo_group(self) -> QUndoGroup:
        """The undo stacks of all tabs."""
        return self.tabs.undo_group

    @property
    def document(self) -> Document:
        """What is on the screen: the person's document, or a search's partial result."""
        return self.document_switcher.document

    @property
    def user_document(self) -> Document:
        """The person's document, whatever a search shows meanwhile."""
        return self.document_switcher.user_document

    @property
    def partial_result(self) -> SearchResult | None:
        """What a running search has so far, where that is on the screen."""
        return self.document_switcher.partial_result

    @property
    def state(self) -> State:
        """The document's state."""
        return self.document.state

    @property
    def edge_opacity(self) -> dict[str, float] | None:
        """How opaque each edge is drawn, by name; None: all as usual."""
        return self.tabs.front.edge_opacity

    @property
    def prompt_index(self) -> int:
        """Which of the task's prompts is read."""
        return self.tabs.front.prompt_index

    @property
    def selected_nodes(self) -> frozenset[str]:
        """Names of the selected nodes and groups."""
        return self.selection.nodes

    @property
    def selected_edges(self) -> frozenset[str]:
        """Names of the selected edges."""
        return self.selection.edges

    @property
    def opened_model(self) -> ModelReady | None:
        """The model and task that are open for the document; None until they are."""
        return self.model_status.opened

    @opened_model.setter
    def opened_model(self, opened: ModelReady | None) -> None:
        self.model_status.opened = opened

    @property
    def device(self) -> str:
        """Where models are opened from now on: ``cpu`` or ``cuda``."""
        return self.model_status.device

    @device.setter
    def device(self, name: str) -> None:
        self.model_status.device = name

    @property
    def dtype(self) -> str:
        """The precision that weights are kept in from the next search on."""
        return self.model_status.dtype

    @dtype.setter
    def dtype(self, name: str) -> None:
        self.model_status.dtype = name

    # documents

    def open_file(self, path: Path, on_opened: Callable[[Document], None] | None = None) -> JobHandle:
        """Read a file in the background; its model comes later.

        Args:
            path: The file.
            on_opened: Given the document, instead of showing it.

        Returns:
            The job that reads it.
        """
        return self.file_loader.open_file(path, on_opened or partial(self.show_opened_document, path))

    def show_opened_document(self, path: Path, document: Document) -> None:
        """Show what a file holds."""
        self.set_document(document)
        scores = document.state.scores
        source = "" if scores is None else describe_graph_source(scores.info)
        self.post_message(f"Opened {path.name}{f': {source}' if source else ''}")

    def set_document(self, document: Document) -> None:
        """Show a document in a tab of its own; an untouched empty tab is used for it."""
        tab = self.tab_controller.prepare()
        self.document_switcher.place_document(tab, document)
        self.tab_controller.show(tab)
        self.prompt_circuits.ensure_opened(document.state)

    def apply_command(self, command: Command) -> None:
        """Do a command as one step of undo."""
        self.document_switcher.apply_command(command)

    def select_edge_count(self, n_edges: int) -> None:
        """Choose a circuit of another size from the scores."""
        scores, origin = self.document.state.scores, self.document.state.origin
        if scores is None:
            return
        select = origin.select if origin else ""
        if select in ("", "threshold", EDGE_SHARE_SELECTION):
            select = "greedy"
        self.apply_command(select_edges(scores.select(select, n_edges), select, n_edges))

    # jobs

    def submit_request(self, request: Request) -> JobHandle:
        """Ask the worker for something for the tab in front; what comes of it is told by the handle."""
        tab = self.tabs.front
        handle = self.worker.submit(request, tab.number)
        handle.replied.connect(partial(self._reply_router.route, tab))
        return handle

    def start_discovery(self, request: DiscoverCircuit, is_example: bool = False) -> QueuedSearch:
        """Search in a tab of its own.

        Args:
            request: What to search for.
            is_example: A click brings it again at any time.
        """
        return self.search_controller.start(request, is_example)

    def cancel_jobs(self) -> None:
        """Cancel everything that runs or waits; what a search has found so far goes to its tab."""
        for search in list(self.search_queue.searches):
            if search.status is not SearchStatus.RUNNING:
                self.search_queue.cancel(search)
        self.worker.cancel_all()

    def cancel_search(self) -> None:
        """Cancel the search that the tab in front waits for; where it waits for none, everything."""
        search = self.tabs.front.search
        self.search_queue.cancel(search) if search is not None else self.cancel_jobs()

    def measure_curve(self) -> None:
        """Measure faithfulness against the number of edges; not of prompt circuits."""
        state = self.document.state
        if not state.is_prompt_circuit and state.scores is not None and self.opened_model is not None:
            handle = self.submit_request(MeasureCurve(state.scores, "greedy", state.requirements))
            for signal in (handle.partial, handle.finished):
                signal.connect(partial(self._store_curve, state))

    def request_node_reading(self, node: str, prompt_index: int) -> None:
        """Ask for the reading of a task's node; those of prompt circuits are the inspector's."""
        state = self.document.state
        if self.opened_model is not None and not state.is_prompt_circuit:
            graph = None if state.circuit is None else state.circuit.graph
            handle = self.submit_request(ReadTaskNode(node, prompt_index, graph, state.method_options))
            handle.finished.connect(self._on_node_read)

    # selection

    def set_selection(self, nodes: frozenset[str], edges: frozenset[str]) -> None:
        """Select nodes and edges everywhere."""
        self.selection.set(nodes, edges)

    def select_nodes(self, nodes: Iterable[str]) -> None:
        """Select nodes, and no edge, everywhere."""
        self.set_selection(frozenset(nodes), frozenset())

    def highlight_path(self, path: CircuitPath, text: str, edges: frozenset[str]) -> None:
        """Select the edges of one path or of several; ``text``, their strength, is written on ``path``."""
        self.set_selection(frozenset(), edges)
        self.path_highlighted.emit((path, text))

    def set_prompt_index(self, prompt_index: int) -> None:
        """Read this prompt everywhere."""
        if prompt_index != self.prompt_index:
            self.tabs.front.prompt_index = prompt_index
            self.prompt_changed.emit()

    def show_feature(self, site: str, number: int) -> None:
        """Show this feature everywhere."""
        if (site, number) != self.shown_feature:
            self.shown_feature = (site, number)
            self.feature_changed.emit()

    def set_edge_opacity(self, opacity: dict[str, float] | None) -> None:
        """Draw each edge as opaque as given, by name; None draws all as usual."""
        self.tabs.front.edge_opacity = opacity
        self.state_changed.emit()

    # messages

    def post_message(self, message: str) -> None:
        """Show a line in the status bar and the log."""
        self.notifier.post_message(message)

    def report_failure(self, failure: JobFailed) -> None:
        """Show a failure in a dialog."""
        self.notifier.failure_reported.emit(failure)

    def run_guarded(self, work: Callable[..., object], *args: Any, title: str) -> bool:
        """Do something that may find its input wrong; see ``Notifier.run_guarded``."""
        return self.notifier.run_guarded(work, *args, title=title)

    # results of its own requests

    def _on_node_read(self, reply: TaskNodeRead) -> None:
        self.node_reading_received.emit(reply.reading)

    def _store_curve(self, state: State, reply: object) -> None:
        if not isinstance(reply, CurveMeasured):
            return  # another task is open
        self.user_document.store_curve(state, [dict(point) for point in reply.points])
        self.curve_changed.emit()

    def _measure_missing_curve(self) -> None:
        if not self.document.curve:
            self.measure_curve()
