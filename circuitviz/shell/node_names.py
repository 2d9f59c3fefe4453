"""By what the nodes on the canvas are named, and the tokens that their names may need."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from circuitviz.graph import NodeKind
from circuitviz.scene.node_naming import BY_TOKEN, NAMINGS
from circuitviz.shell.settings import Settings
from circuitviz.workbench.requests.messages import Request
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.read_feature_tokens import ReadFeatureTokens
from circuitviz.workbench.requests.read_top_tokens import ReadTopTokens, TopTokensRead
from circuitviz.workspace import Workspace

MESSAGES = {
    "name": "Nodes are named by their names.",
    "label": "Nodes are named by their labels.",
    "class": "Nodes are named by their classes.",
    "token": "Nodes are named by the token that they promote most.",
}


class NodeNames(QObject):
    """Keeps the choice, and reads tokens where names need them and the model is open.

    Signals:
        changed: names are others now.

    Attributes:
        naming: one of ``NAMINGS``.
        top_tokens: tokens that nodes promote, with their logits, by node.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace, self._settings = workspace, settings
        self.naming = settings.node_naming
        self.top_tokens: dict[str, list[tuple[str, float]]] = {}
        self._requests: dict[type[Request], Request] = {}  # the last of each kind
        workspace.document_opened.connect(self._forget)
        for signal in (workspace.state_changed, workspace.prompt_changed, workspace.model_ready):
            signal.connect(lambda *_given: self._request_tokens())

    def choose_naming(self, naming: str) -> None:
        """Name nodes by one of ``NAMINGS``; kept for the next start."""
        assert naming in NAMINGS
        self._settings.node_naming = self.naming = naming
        self._request_tokens()
        self.changed.emit()
        circuit = self._workspace.state.circuit
        is_waiting = naming == BY_TOKEN and circuit is not None and self._workspace.opened_model is None
        note = " The model has to be open for that." if is_waiting and not self.top_tokens else ""
        self._workspace.post_message(MESSAGES[naming] + note)

    def _forget(self) -> None:
        self.top_tokens = {}
        self._requests.clear()

    def _request_tokens(self) -> None:
        """Ask for tokens of features, and of heads and MLPs where they are named by them."""
        workspace, state = self._workspace, self._workspace.state
        circuit = state.circuit
        if circuit is None or workspace.opened_model is None or workspace.partial_result is not None:
            return
        nodes = [circuit.graph.node(name) for name in circuit.node_names]
        features = tuple(node for node in nodes if node.kind.has_activation)
        if features:
            query = workspace.prompt_circuits.query if state.is_prompt_circuit else None
            self._submit(ReadFeatureTokens(query, features))
        names = tuple(node.name for node in nodes if node.kind in (NodeKind.HEAD, NodeKind.MLP))
        if names and self.naming == BY_TOKEN and not state.is_prompt_circuit:
            self._submit(ReadTopTokens(names, workspace.prompt_index))

    def _submit(self, request: Request) -> None:
        if self._requests.get(type(request)) == request:
            return
        self._requests[type(request)] = request
        self._workspace.submit_request(request).finished.connect(self._on_read)

    def _on_read(self, reply: object) -> None:
        if isinstance(reply, TopTokensRead):
            tokens = reply.top_tokens
        elif isinstance(reply, QueryResult) and isinstance(reply.result, dict):
            tokens = reply.result
        else:  # another prompt is open by now, or no dictionary
            return
        self.top_tokens = {**self.top_tokens, **tokens}
        self.changed.emit()
