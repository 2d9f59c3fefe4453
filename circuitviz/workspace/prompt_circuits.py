"""Finds circuits of features on one prompt, and keeps the model of the document on the screen open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Command, Origin, State, change_threshold, replace_circuit
from circuitviz.document.attribution_query import HIERARCHICAL_ATTRIBUTION, AttributionQuery
from circuitviz.document.origin import OTHER_SUBJECT, SAME_MODEL, SAME_SUBJECT, PromptOrigin, TaskOrigin
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
from circuitviz.workspace.document_switcher import DocumentSwitcher
from circuitviz.workspace.live_faithfulness import LiveFaithfulness
from circuitviz.workspace.model_status import ModelStatus
from circuitviz.workspace.notifier import Notifier
from circuitviz.workspace.search_controller import SearchController
from circuitviz.workspace.selection import Selection

TRACEABLE_KINDS = (
    NodeKind.FEATURE,
    NodeKind.NEURON,
    NodeKind.HEAD,
    NodeKind.SKIP,
)  # something flows into each of these
DEFAULT_NODES = 60  # of a circuit whose query names no number


class PromptCircuitController(QObject):
    """Lets the worker open what the document on the screen needs, also after undo.

    Attributes:
        needed_model: A model that is opened only when the person says so.
    """

    circuit_arriving = Signal()  # a circuit of another query is about to be shown
    answer_shown = Signal()
    needed_model_changed = Signal()

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
        self.needed_model: ConsentNeeded | None = None
        self._opened_models: set[str] = set()  # in this session
        self._opened_requirements: tuple[object, ...] = ()
        self._is_searching = False
        self._last_device = ""
        self._threshold_moves: tuple[State, State] | None = None  # before the first, after the last in a row

    def on_model_ready(self, opened: ModelReady) -> None:
        """A model is open."""
        self._last_device = opened.device.partition(":")[0]
        self._opened_models.add(opened.model)
        self.set_needed_model(None)

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

    def submit_query(self, query: AttributionQuery) -> JobHandle | None:
        """Find the circuit that answers a query.

        It comes as one step of undo: into the open document where that answers the same query, with more
        nodes or in another basis, and else into a document of its own.

        Returns:
            The job; None where the person rather keeps unsaved work.
        """
        state = self._documents.user_document.state
        origin, open_query = state.origin, state.query
        relation = SAME_MODEL if origin is not None and origin.model == query.model else OTHER_SUBJECT
        dtype = self._model_status.dtype
        if open_query is not None and _prompt_key(open_query) == _prompt_key(query):
            relation, dtype = SAME_SUBJECT, open_query.dtype
        if not self._search.begin_search(relation):
            return None
        self.reset()
        handle = self._submit(DiscoverPromptCircuit(replace(query, dtype=dtype), self._model_status.device))
        handle.finished.connect(self.on_answer)
        return handle

    def change_threshold(self, tau: float) -> None:
        """Show the open circuit at another threshold; moves in a row are one step of undo."""
        if (query := self.query) is not None and not query.is_graph:
            handle = self._submit(MoveThreshold(query, tau, self._model_status.device))
            handle.finished.connect(self.on_answer)

    def reset(self, is_searching: bool = True) -> None:
        """A search was submitted: what it opens, and whether it finds anything, is not known yet."""
        self._opened_requirements, self._is_searching = (), is_searching

    def open_offered(self) -> None:
        """An offered circuit was accepted: another search may have opened something else since."""
        self.reset(is_searching=False)
        self.ensure_opened(self._documents.document.state)

    def on_idle(self) -> None:
        """Open what the document needs, where a search that found nothing has opened something else.

        It is opened where it was open: the search may have asked for a device that this machine has not.
        """
        if self._is_searching and self._last_device:
            self._model_status.device = self._last_device
        self._is_searching = False
        self.ensure_opened(self._documents.document.state)

    def on_opened(self, origin: Origin | None) -> None:
        """The worker has opened, or is opening, what a circuit of this origin needs."""
        self._opened_requirements = () if origin is None else origin.requirements
        self._is_searching = False
        if self.needed_model is not None:
            self.set_needed_model(None)

    def ensure_opened(self, state: State) -> None:
        """Let the worker open what a state needs, unless it is open, or a search is under way."""
        origin, circuit = state.origin, state.circuit
        is_open = state.requirements == self._opened_requirements
        if origin is None or circuit is None or self._is_searching or is_open:
            return
        self.on_opened(origin)
        self._model_status.close()
        consent = FROM_DISK if origin.model in self._opened_models else WITHOUT_CONSENT
        self._open(state, consent)

    def set_needed_model(self, needed: ConsentNeeded | None) -> None:
        """The document's model waits for the person; None: it does not."""
        user_state = self._documents.user_document.state
        if needed is not None and needed.requirements != user_state.requirements:
            return
        self.needed_model = needed
        self.needed_model_changed.emit()

    def open_needed_model(self, consent: str) -> None:
        """Open the model that waits, as the person said."""
        state = self._documents.user_document.state
        self.set_needed_model(None)
        self.on_opened(state.origin)
        self._open(state, consent)

    def on_answer(self, reply: object) -> None:
        """Put an answer into the document."""
        if not isinstance(reply, PromptSearchResult):
            return
        query = reply.origin.query
        if reply.is_threshold_move:
            if not self._show_threshold_move(reply, query):
                return
        else:
            target = query.target or "the most likely logits"
            command = replace_circuit(reply.circuit, reply.scores, reply.origin, f"Trace {target}")
            if not self._place_answer(query, command, reply.origin):
                return
            n_nodes, n_edges = len(reply.circuit.node_names), reply.circuit.n_edges
            self._notifier.post_message(f"{n_nodes:,} nodes and {n_edges:,} edges explain {target}")
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

    def _place_answer(self, query: AttributionQuery, command: Command, origin: Origin) -> bool:
        """Put an answer where it belongs; False where it is only offered."""
        open_query = self.query
        self._search.end_search()
        self.circuit_arriving.emit()
        if open_query is None or open_query.query_key != query.query_key:
            return self._search.place_result(command, origin)
        self.on_opened(origin)
        self._live_faithfulness.reset()
        self._documents.apply_command(command)
        return True

    def _open(self, state: State, consent: str) -> None:
        handle = self._submit(opening_request(state, self._model_status.device, consent))
        handle.finished.connect(self._on_open_ended)

    def _on_open_ended(self, reply: object) -> None:
        if isinstance(reply, ConsentNeeded):
            self.set_needed_model(reply)


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
