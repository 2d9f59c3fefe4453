"""What window and panels share: the document, its undo stack, the worker, and the selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from circuitviz.document import Command, Document, State, select_edges
from circuitviz.document.attribution_query import EDGE_SHARE_SELECTION
from circuitviz.document.node_text import describe_graph_source
from circuitviz.errors import InputError
from circuitviz.graph.connectivity import CircuitPath as Trail
from circuitviz.jobs import JobHandle, Worker
from circuitviz.workbench.requests.compute_measure import MeasureResult
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import PromptSearchResult
from circuitviz.workbench.requests.load_choices import Choices, LoadChoices
from circuitviz.workbench.requests.measure_curve import CurveMeasured, MeasureCurve
from circuitviz.workbench.requests.measure_faithfulness import FaithfulnessMeasured
from circuitviz.workbench.requests.messages import (
    JobFailed,
    ModelReady,
    ProgressReported,
    Reply,
    Request,
    WorkerIdle,
)
from circuitviz.workbench.requests.open_document_model import ConsentNeeded
from circuitviz.workbench.requests.read_task_node import ReadTaskNode, TaskNodeRead
from circuitviz.workspace.comparison_set import ComparisonSet
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.file_loader import FileLoader
from circuitviz.workspace.live_faithfulness import LiveFaithfulness
from circuitviz.workspace.prompt_circuits import PromptCircuitController
from circuitviz.workspace.save_service import SaveService
from circuitviz.workspace.search_controller import SearchController
from circuitviz.workspace.undo_step import UndoStep


class Workspace(QObject):
    """Turns wishes into commands and requests, and replies into signals."""

    state_changed = Signal()
    commit_input_requested = Signal()  # what is typed and not yet taken over is to be put into the document
    document_closing = Signal()  # while it is still there: what belongs to it is to be written into it now
    document_opened = Signal()
    document_shown = Signal()
    curve_changed = Signal()
    selection_changed = Signal()
    prompt_changed = Signal()
    feature_changed = Signal()
    path_highlighted = Signal(object)  # (path, text): what is highlighted over several hops, and its strength
    node_reading_received = Signal(object)
    model_ready = Signal(object)
    catalog_received = Signal(object)
    progress_reported = Signal(object)
    worker_idle = Signal()
    search_finished = Signal()  # a search is over, whatever else still runs
    reply_received = Signal(object)  # any other reply, for the panel that asked
    failure_reported = Signal(object)
    message_posted = Signal(str)
    panel_requested = Signal(str)  # by its registered name, to the front

    def __init__(self, worker: Worker | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.worker = worker or Worker(parent=self)
        self.worker.replied.connect(self._handle_reply)
        self.undo_stack = QUndoStack(self)
        self.document = Document()
        self.device = "cpu"
        self.selected_nodes: frozenset[str] = frozenset()
        self.selected_edges: frozenset[str] = frozenset()
        self.prompt_index = 0
        self.shown_feature: tuple[str, int] | None = None  # whose dashboard is looked at: site and number
        self.opened_model: ModelReady | None = None
        self.edge_opacity: dict[str, float] | None = None
        self._curve_state = State()  # whose curve is being measured
        self.labels_hidden = False  # labels and groups are hidden while someone labels anew
        self.search_controller, self.document_switcher = SearchController(self), DocumentSwitcher(self)
        self.live_faithfulness = LiveFaithfulness(self)
        self.prompt_circuits = PromptCircuitController(self)
        self.comparison = ComparisonSet(self)
        self.file_loader = FileLoader(self)
        self.save_service = SaveService(self)

    def start(self) -> None:
        """Start the worker, which loads what takes seconds, and the reader."""
        self.worker.start()
        self.file_loader.start()
        self.worker.submit(LoadChoices())
        self.comparison.load_references()

    # what is open

    @property
    def user_document(self) -> Document:
        """The person's document; ``document`` is what is on the screen, perhaps a search's partial result."""
        return self.search_controller.user_document

    @property
    def partial_result(self) -> SearchResult | None:
        """What a running search has so far, where that is on the screen."""
        return self.search_controller.partial_result

    @property
    def state(self) -> State:
        """The document's state, without labels and groups during a blind round."""
        if self.labels_hidden:
            return replace(self.document.state, labels={}, groups={})
        return self.document.state

    def open_file(self, path: Path, on_opened: Callable[[Document], None] | None = None) -> None:
        """Read a file in the background, and show it, or give it to ``on_opened``; its model comes later."""
        self.file_loader.open_file(path, on_opened or partial(self.show_opened_document, path))

    def show_opened_document(self, path: Path, document: Document) -> None:
        """Show what a file holds."""
        self.set_document(document)
        scores = document.state.scores
        source = "" if scores is None else describe_graph_source(scores.info)
        self.post_message(f"Opened {path.name}{f': {source}' if source else ''}")

    def stop(self) -> None:
        """End all threads and wait for them, before the window goes; what is being written is written."""
        self.worker.stop()
        self.file_loader.stop()
        self.save_service.stop()

    def set_document(self, document: Document) -> None:
        """Show a document; undo begins anew."""
        self.document_switcher.open_document(document)

    # wishes

    def apply_command(self, command: Command) -> None:
        """Do a command as one step of undo."""
        document, before = self.document, self.document.state
        after = command.transform(before)
        if after.hash == before.hash and after.circuit is before.circuit:
            return
        if self.partial_result is not None:
            self.post_message("The search is not over; its circuit can be changed when it is")
        else:
            places = (document, before), (document, after)
            self.undo_stack.push(
                UndoStep(command.text, *places, self.document_switcher.go_to, command.merge_key)
            )

    def start_discovery(self, request: DiscoverCircuit, is_example: bool = False) -> JobHandle | None:
        """Start a search; None where the person rather keeps unsaved work."""
        if not self.search_controller.begin_search(
            request.relation_to(self.user_document.state.provenance), is_example
        ):
            return None
        self.prompt_circuits.reset()
        return self.submit_request(request)

    def submit_request(self, request: Request) -> JobHandle:
        """Ask the worker for something; the handle tells what becomes of it (so does ``reply_received``)."""
        return self.worker.submit(request)

    def cancel_jobs(self) -> None:
        """Stop the running job; what a search has found so far is offered."""
        self.worker.cancel_all()

    def select_edge_count(self, n_edges: int) -> None:
        """Keep another number of edges."""
        scores, where = self.document.state.scores, self.document.state.provenance
        if scores is None:
            return
        select = (
            where.select if where and where.select not in ("threshold", EDGE_SHARE_SELECTION) else "greedy"
        )
        self.apply_command(select_edges(scores.select(select, n_edges), select, n_edges))

    def measure_curve(self) -> None:
        """Measure faithfulness against the number of edges; circuits of features are not judged by those."""
        state = self.document.state
        if self.prompt_circuits.query is None and state.scores is not None and self.opened_model is not None:
            self._curve_state = state
            self.worker.submit(MeasureCurve(state.scores, "greedy", state.requirements))

    def set_selection(self, nodes: frozenset[str], edges: frozenset[str]) -> None:
        """Select nodes and edges everywhere."""
        if (nodes, edges) != (self.selected_nodes, self.selected_edges):
            self.selected_nodes, self.selected_edges = nodes, edges
            self.selection_changed.emit()

    def highlight_path(self, path: Trail, text: str, edges: frozenset[str]) -> None:
        """Select edges of one path or of several; ``text``, their strength, is written on ``path``."""
        self.set_selection(frozenset(), edges)
        self.path_highlighted.emit((path, text))

    def set_prompt_index(self, prompt_index: int) -> None:
        """Read this prompt everywhere."""
        if prompt_index != self.prompt_index:
            self.prompt_index = prompt_index
            self.prompt_changed.emit()

    def show_feature(self, site: str, number: int) -> None:
        """Look at this feature everywhere."""
        if (site, number) != self.shown_feature:
            self.shown_feature = (site, number)
            self.feature_changed.emit()

    def request_node_reading(self, node: str, prompt_index: int) -> None:
        """Ask for the readings of a node of a model; those of features are the inspector's."""
        if self.opened_model is not None and self.prompt_circuits.query is None:
            state = self.document.state
            graph = None if state.circuit is None else state.circuit.graph
            self.worker.submit(ReadTaskNode(node, prompt_index, graph, state.method_options))

    def set_edge_opacity(self, opacity: dict[str, float] | None) -> None:
        """Draw each edge as opaque as told, by name; None draws all as usual."""
        self.edge_opacity = opacity
        self.state_changed.emit()

    def post_message(self, message: str) -> None:
        """A line for the status bar and the log."""
        self.message_posted.emit(message)

    # consequences

    def _handle_reply(self, reply: Reply) -> None:
        match reply:
            case ProgressReported():
                self.progress_reported.emit(reply)
            case Choices():
                self.catalog_received.emit(reply)
                for name, error in reply.import_errors.items():
                    self.post_message(f"{name} is disabled: {error}")
            case ModelReady():
                self.opened_model = reply
                self.set_prompt_index(min(self.prompt_index, len(reply.prompts) - 1))
                if reply.warning:
                    self.post_message(reply.warning)
                self.model_ready.emit(reply)
                self.live_faithfulness.on_model_ready()
            case ConsentNeeded():
                self.prompt_circuits.set_needed_model(reply)
            case SearchResult():
                self.search_controller.on_result(reply)
            case PromptSearchResult():
                self.prompt_circuits.on_answer(reply)
            case FaithfulnessMeasured():
                if self.live_faithfulness.on_measured(reply) and not self.document.curve:
                    self.measure_curve()
            case CurveMeasured():
                self.user_document.store_curve(self._curve_state, [dict(point) for point in reply.points])
                self.curve_changed.emit()
            case TaskNodeRead():
                self.node_reading_received.emit(reply.reading)
            case JobFailed():
                self.search_controller.on_failure(reply.request)
                self.state_changed.emit()
                self.post_message(reply.message)
                self.failure_reported.emit(reply)
            case WorkerIdle():
                self.search_controller.on_idle()
                self.prompt_circuits.on_idle()
                self.worker_idle.emit()
            case MeasureResult():
                self.document.store_measure(reply.measure, reply.record)  # before anybody shows it
                self.reply_received.emit(reply)
            case _:
                self.reply_received.emit(reply)

    def run_guarded(self, work: Any, *args: Any) -> bool:
        """Do something that may find its input wrong; the person is told, nothing is lost."""
        try:
            work(*args)
        except InputError as error:
            self.failure_reported.emit(JobFailed("That did not work", str(error)))
            return False
        return True
