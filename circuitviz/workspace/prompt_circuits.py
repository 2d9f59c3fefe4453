"""Finds circuits of features on one prompt, and keeps the model of the document on the screen open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Origin, State, change_threshold
from circuitviz.document.attribution_query import HIERARCHICAL_ATTRIBUTION, AttributionQuery
from circuitviz.document.origin import PromptOrigin, TaskOrigin
from circuitviz.graph import NodeKind
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.requests.discover_prompt_circuit import (
    DiscoverPromptCircuit,
    MoveThreshold,
    OpenPromptDocumentModel,
    PromptSearchResult,
)
from circuitviz.workbench.requests.messages import ModelReady, Request
from circuitviz.workbench.requests.open_document_model import (
    FROM_DISK,
    WITHOUT_CONSENT,
    ConsentNeeded,
    OpenDocumentModel,
)
from circuitviz.workbench.requests.switch_basis import BasisSwitched
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.live_faithfulness import LiveFaithfulness
from circuitviz.workspace.model_status import ModelStatus
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.search_controller import SearchController
from circuitviz.workspace.selection import Selection
from circuitviz.workspace.tabs import DocumentTab

TRACEABLE_KINDS = (
    NodeKind.FEATURE,
    NodeKind.NEURON,
    NodeKind.HEAD,
    NodeKind.SKIP,
)  # something flows into each of these
DEFAULT_NODES = 60  # of a circuit whose query names no number


class PromptCircuitController(QObject):
    """Lets the worker open what the document in front needs, also after undo."""

    circuit_arriving = Signal()  # a circuit of another query is about to be shown in the same document
    answer_shown = Signal()
    needed_model_changed = Signal()
    opening_changed = Signal()  # a model of the tab in front is being opened, or is not any more

    def __init__(
        self,
        documents: DocumentSwitcher,
        selection: Selection,
        search: SearchController,
        live_faithfulness: LiveFaithfulness,
        model_status: ModelStatus,
        submit: Callable[[Request], JobHandle],
        notifier: Notifier,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._documents, self._selection, self._search = documents, selection, search
        self._live_faithfulness, self._model_status = live_faithfulness, model_status
        self._submit, self._notifier = submit, notifier
        self._opened_models: set[str] = set()  # in this session
        self._last_device = ""
        self._latest_queries: WeakKeyDictionary[DocumentTab, int] = WeakKeyDictionary()  # numbers of jobs
        self._threshold_moves: tuple[State, State] | None = None  # before the first, after the last in a row

    @property
    def needed_model(self) -> ConsentNeeded | None:
        """A model that is opened only when the person says so; of the tab in front."""
        return self._documents.front.needed_model

    @property
    def is_opening(self) -> bool:
        """Whether the model of the tab in front is being opened."""
        opening = self._documents.front.opening
        return opening is not None and opening.is_active

    def on_model_ready(self, opened: ModelReady) -> None:
        """A model is open for the tab in front."""
        self.record_model(opened)
        self.set_needed_model(None)

    def record_model(self, opened: ModelReady) -> None:
        """Remember a model that is open for any tab: it may be opened again without asking."""
        self._last_device = (opened.asked_device or opened.device).partition(":")[0]
        self._opened_models.add(opened.model)

    @property
    def query(self) -> AttributionQuery | None:
        """What the circuit on the screen answers; None where it is not one of features on a prompt."""
        return self._documents.document.state.query

    @property
    def traceable_node(self) -> str | None:
        """The selected node, where it is one that a circuit of its own can be asked of."""
        circuit = self._documents.document.state.circuit
        if self.query is None or circuit is None or len(self._selection.nodes) != 1:
            return None
        name = next(iter(self._selection.nodes))
        if name not in circuit.graph.node_index:
            return None
        node = circuit.graph.node(name)
        is_logit = node.kind is NodeKind.LOGITS and node.token is not None
        return name if is_logit or node.kind in TRACEABLE_KINDS else None

    def trace_selected_node(self) -> None:
        """Find the circuit of the selected node, on the same prompt and with the same dictionaries."""
        if (name := self.traceable_node) is not None and (query := self.query) is not None:
            method = HIERARCHICAL_ATTRIBUTION if query.is_graph else query.method
            node_query = replace(query, target=name, method=method, correct=(), incorrect=())
            self.submit_query(replace(node_query, tau=None, nodes=query.nodes or DEFAULT_NODES))

    def submit_query(self, query: AttributionQuery) -> JobHandle:
        """Find the circuit that answers a query.

        The same query with more nodes or in another basis is one step of undo in the open document; the
        circuit of any other is a search, which has a tab of its own.

        Returns:
            The job.
        """
        open_query = self._documents.user_document.state.query
        dtype = self._model_status.dtype
        if open_query is not None and _prompt_key(open_query) == _prompt_key(query):
            dtype = open_query.dtype
        request = DiscoverPromptCircuit(replace(query, dtype=dtype), self._model_status.device)
        if open_query is None or open_query.query_key != query.query_key or self._search.is_running:
            return self._search.queue.handle_of(self._search.start(request))
        handle = self._submit(request)
        self._latest_queries[self._documents.front] = handle.number
        handle.finished.connect(self.on_answer)
        for signal in (handle.failed, handle.cancelled):
            signal.connect(partial(self._on_query_ended, self._documents.front, handle.number))
        return handle

    def change_threshold(self, tau: float) -> None:
        """Show the open circuit at another threshold; moves in a row are one step of undo."""
        if (query := self.query) is not None and not query.is_graph:
            handle = self._submit(MoveThreshold(query, tau, self._model_status.device))
            handle.finished.connect(self.on_answer)

    def on_search_failed(self) -> None:
        """A search found nothing: it may have asked for a device that this machine has not."""
        if self._last_device:
            self._model_status.device = self._last_device

    def ensure_opened(self, state: State) -> None:
        """Let the worker open what a state of the document in front needs, unless it is open."""
        origin, circuit, tab = state.origin, state.circuit, self._documents.front
        is_open = state.requirements == tab.opened_requirements
        if origin is None or circuit is None or tab.search is not None or is_open:
            return
        self._set_opened(origin)
        self._model_status.close()
        consent = FROM_DISK if origin.model in self._opened_models else WITHOUT_CONSENT
        self._open(state, consent)

    def set_needed_model(self, needed: ConsentNeeded | None) -> None:
        """The model of the document in front waits for the person; None: it does not."""
        user_state = self._documents.user_document.state
        if needed is not None and needed.requirements != user_state.requirements:
            return
        self._documents.front.needed_model = needed
        self.needed_model_changed.emit()

    def open_needed_model(self, consent: str) -> None:
        """Open the model that waits, as the person said."""
        state = self._documents.user_document.state
        self._set_opened(state.origin)
        self._open(state, consent)

    def on_basis_switched(self, result: BasisSwitched) -> None:
        """Put the same circuit in another basis into the document, whose task is open."""
        self._set_opened(result.origin)
        self._documents.apply_command(result.command())

    def on_answer(self, reply: object) -> None:
        """Put an answer to the query of the open document into it."""
        if not isinstance(reply, PromptSearchResult):
            return
        query, open_query = reply.origin.query, self.query
        if reply.is_threshold_move:
            if not self._show_threshold_move(reply, query):
                return
        elif open_query is None or open_query.query_key != query.query_key:
            return  # the document has moved on
        else:
            self.circuit_arriving.emit()
            self._set_opened(reply.origin)
            self._live_faithfulness.reset()
            self._documents.apply_command(reply.command())
            self._notifier.post_message(reply.summary())
        self.answer_shown.emit()

    def _show_threshold_move(self, reply: PromptSearchResult, query: AttributionQuery) -> bool:
        """Show the circuit at another threshold; False where the document has moved on."""
        open_query = self.query
        keys = query.run_key, query.target_key
        if open_query is None or (open_query.run_key, open_query.target_key) != keys:
            return False
        before = state = self._documents.document.state
        if self._threshold_moves is not None and self._threshold_moves[1] is state:
            before = self._threshold_moves[0]
        command = change_threshold(reply.circuit, reply.scores, reply.origin, before)
        self._documents.apply_command(command)
        self._threshold_moves = (before, self._documents.document.state)
        return True

    def _set_opened(self, origin: Origin | None) -> None:
        """The worker has opened, or is opening, what a circuit of this origin needs."""
        self._documents.front.opened_requirements = () if origin is None else origin.requirements
        if self.needed_model is not None:
            self.set_needed_model(None)

    def _open(self, state: State, consent: str) -> None:
        handle = self._submit(opening_request(state, self._model_status.device, consent))
        self._documents.front.opening = handle
        handle.finished.connect(self._on_open_ended)
        for end in (handle.finished, handle.failed, handle.cancelled):
            end.connect(lambda *_: self.opening_changed.emit())
        self.opening_changed.emit()

    def _on_open_ended(self, reply: object) -> None:
        if isinstance(reply, ConsentNeeded):
            self.set_needed_model(reply)

    def _on_query_ended(self, tab: DocumentTab, number: int, *_: object) -> None:
        """A query without an answer may have opened something else than its tab's document needs."""
        if number == self._latest_queries.get(tab):
            tab.opened_requirements = ()
            if tab is self._documents.front:
                self.ensure_opened(tab.user_document.state)


def _prompt_key(query: AttributionQuery) -> tuple[object, ...]:
    return query.model, query.prompt, query.tokens, query.bos


def opening_request(state: State, device: str, consent: str = WITHOUT_CONSENT) -> Request:
    """The request that opens what a document needs."""
    assert state.origin is not None and state.circuit is not None
    match state.origin:
        case TaskOrigin() as origin:
            return OpenDocumentModel(origin, state.circuit, device, consent)
        case PromptOrigin() as origin:
            return OpenPromptDocumentModel(origin, state.circuit, device, consent)
