"""Questions about features, asked of the worker and answered into the document, one step of undo each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from circuitviz.document import Command, Provenance, State, change_threshold, replace_circuit
from circuitviz.document.attribution_query import (
    HIERARCHICAL_ATTRIBUTION,
    OTHER_SUBJECT,
    SAME_MODEL,
    SAME_SUBJECT,
    AttributionQuery,
)
from circuitviz.graph import NodeKind
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

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace

TRACEABLE_KINDS = (
    NodeKind.FEATURE,
    NodeKind.NEURON,
    NodeKind.HEAD,
    NodeKind.SKIP,
)  # something flows into each of these


class PromptCircuitController(QObject):
    """Keeps level what the worker has open with what the document is of, also after undo."""

    circuit_arriving = Signal()  # a circuit of another question is about to be shown
    answer_shown = Signal()
    needed_model_changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        workspace.model_ready.connect(self.on_model_ready)
        self.needed_model: ConsentNeeded | None = None  # a model that is opened only when a person says so
        self._opened_models: set[str] = set()  # models that were opened in this session
        self._opened_requirements: tuple[object, ...] = ()
        self._is_searching = False
        self._last_device = ""  # where a model was opened last
        self._threshold_moves: tuple[State, State] | None = (
            None  # before the first and after the last move in a row
        )

    def on_model_ready(self, ready: ModelReady) -> None:
        """A model is open."""
        self._last_device = ready.device.partition(":")[0]
        self._opened_models.add(ready.model)
        self.set_needed_model(None)

    @property
    def query(self) -> AttributionQuery | None:
        """What the open document answers; None where it is no circuit of features of one prompt."""
        return AttributionQuery.from_provenance(self.workspace.document.state.provenance)

    @property
    def traceable_node(self) -> str | None:
        """The selected node, where it is one that a circuit of its own can be asked of."""
        circuit = self.workspace.document.state.circuit
        if self.query is None or circuit is None or len(self.workspace.selected_nodes) != 1:
            return None
        name = next(iter(self.workspace.selected_nodes))
        if name not in circuit.graph.node_index:
            return None
        node = circuit.graph.node(name)
        of_logit = node.kind is NodeKind.LOGITS and node.token is not None
        return name if of_logit or node.kind in TRACEABLE_KINDS else None

    def trace_selected_node(self) -> None:
        """The circuit of the selected node, on the same prompt and with the same dictionaries."""
        if (name := self.traceable_node) is not None and (question := self.query) is not None:
            method = HIERARCHICAL_ATTRIBUTION if question.is_graph else question.method
            asked = replace(question, target=name, method=method, correct=(), incorrect=())
            nodes = question.nodes or 60
            self.submit_query(replace(asked, tau=None, nodes=nodes))

    def submit_query(self, query: AttributionQuery) -> bool:
        """Ask; False where a person rather keeps unsaved work in sight.

        The circuit comes as one step: into the open document where that answers the same question, with
        more nodes or in another basis, and else into one of its own.
        """
        where = self.workspace.user_document.state.provenance
        now = AttributionQuery.from_provenance(where)
        kin = SAME_MODEL if where is not None and where.model == query.model else OTHER_SUBJECT
        if now is not None and (now.model, now.prompt, now.tokens, now.bos) == (
            query.model, query.prompt, query.tokens, query.bos
        ):  # fmt: skip
            kin = SAME_SUBJECT
        if not self.workspace.search_controller.begin_search(kin):
            return False
        self.reset()
        self.workspace.submit_request(DiscoverPromptCircuit(query, self.workspace.device))
        return True

    def change_threshold(self, tau: float) -> None:
        """Another threshold for the open circuit; moves in a row are one step of undo."""
        if (question := self.query) is not None and not question.is_graph:
            self.workspace.submit_request(MoveThreshold(question, tau, self.workspace.device))

    def reset(self, is_searching: bool = True) -> None:
        """A search is asked for: nobody knows yet what it opens, or whether it finds anything."""
        self._opened_requirements, self._is_searching = (), is_searching

    def on_idle(self) -> None:
        """The worker is idle. What a search opened for nothing makes way for what the document needs.

        That opens where it was open: the search may have asked for a device that this machine has not.
        """
        if self._is_searching and self._last_device:
            self.workspace.device = self._last_device
        self._is_searching = False
        self.ensure_opened(self.workspace.document.state)

    def on_opened(self, origin: Provenance | None) -> None:
        """The worker has opened what such a circuit needs."""
        self._opened_requirements, self._is_searching = requirements_of(origin), False
        if self.needed_model is not None:
            self.set_needed_model(None)

    def ensure_opened(self, state: State) -> None:
        """Let the worker open what a state needs, unless it is open, or a search is under way."""
        where, circuit = state.provenance, state.circuit
        if (
            where is None
            or circuit is None
            or self._is_searching
            or requirements_of(where) == self._opened_requirements
        ):
            return
        self.on_opened(where)
        self.workspace.opened_model = None  # until it is there
        consent = FROM_DISK if where.model in self._opened_models else WITHOUT_CONSENT
        self.workspace.submit_request(opening_request(state, self.workspace.device, consent))

    def set_needed_model(self, needed: ConsentNeeded | None) -> None:
        """The document's model waits for a person; None: nothing does."""
        if needed is not None and needed.requirements != self.workspace.user_document.state.requirements:
            return
        self.needed_model = needed
        self.needed_model_changed.emit()

    def open_needed_model(self, consent: str) -> None:
        """Open the model that waits, as a person said."""
        state = self.workspace.user_document.state
        self.set_needed_model(None)
        self.on_opened(state.provenance)
        self.workspace.submit_request(opening_request(state, self.workspace.device, consent))

    def on_answer(self, reply: PromptSearchResult) -> None:
        """Put an answer into the document."""
        desk, question = self.workspace, AttributionQuery.from_provenance(reply.provenance)
        assert question is not None
        if reply.is_threshold_move:
            now = self.query
            if now is None or (now.run_key, now.target_key) != (question.run_key, question.target_key):
                return  # the document has moved on: a threshold of another circuit is no news
            before = state = desk.document.state
            if self._threshold_moves is not None and self._threshold_moves[1] is state:
                before = self._threshold_moves[0]
            desk.apply_command(change_threshold(reply.circuit, reply.scores, reply.provenance, before))
            self._threshold_moves = (before, desk.document.state)
        else:
            what = question.target or "the likely logits"
            step = replace_circuit(reply.circuit, reply.scores, reply.provenance, f"Trace {what}")
            if not self._place_answer(question, step, reply.provenance):
                return
            nodes, edges = len(reply.circuit.node_names), reply.circuit.n_edges
            desk.post_message(f"{nodes:,} nodes and {edges:,} edges explain {what}")
        self.answer_shown.emit()

    def _place_answer(self, query: AttributionQuery, command: Command, origin: Provenance) -> bool:
        """Put an answer where it belongs; False where it is only offered."""
        searches, now = self.workspace.search_controller, self.query
        searches.on_idle()
        self.circuit_arriving.emit()
        if now is None or now.query_key != query.query_key:
            return searches.place_result(command, origin)
        self.on_opened(origin)
        self.workspace.live_faithfulness.reset()
        self.workspace.apply_command(command)
        return True


def requirements_of(origin: Provenance | None) -> tuple[object, ...]:
    """What the worker has to have open for a circuit."""
    if origin is None:
        return ()
    question = AttributionQuery.from_provenance(origin)
    if question is not None:
        return ("question", *question.run_key)
    return origin.requirements


def opening_request(state: State, device: str, consent: str = WITHOUT_CONSENT) -> Request:
    """The request that opens what a document needs."""
    assert state.provenance is not None and state.circuit is not None
    adopt = (
        OpenDocumentModel
        if AttributionQuery.from_provenance(state.provenance) is None
        else OpenPromptDocumentModel
    )
    return adopt(state.provenance, state.circuit, device, consent)
