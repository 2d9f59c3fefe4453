"""Details of a prompt circuit's node: its numbers, what its kind means, and the tokens that it promotes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from circuitviz.document.node_text import (
    describe_graph_source,
    describe_node_values,
    query_key_lines,
    tokens_by_position,
)
from circuitviz.graph import Node, NodeKind
from circuitviz.panels.inspector.token_columns import TokenColumns
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.token_texts import ANSWER_MARKS, visible_token
from circuitviz.scene.node_styles import STYLE_DESCRIPTIONS, node_style
from circuitviz.workbench.prompt_node_reading import N_TOP_TOKENS, PromptNodeReading
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.read_prompt_node import ReadPromptNode
from circuitviz.workspace.workspace import Workspace

KIND_EXPLANATIONS = {
    NodeKind.FEATURE: (
        "A feature is described by its directions and activating examples. Attention patterns "
        "are frozen: the edges do not explain why a head attends to this token."
    ),
    NodeKind.HEAD: "An attention head without features, at one position. Its attention pattern is frozen.",
    NodeKind.ERROR: (
        "What the site writes beyond its nodes: the dictionary's reconstruction error, or the MLP's neurons "
        "that are no nodes. A source node: it has no incoming edges."
    ),
    NodeKind.TOKEN: "Token embedding. A source node: it has no incoming edges.",
    NodeKind.POSITION: "Position embedding. A source node: it has no incoming edges.",
    NodeKind.BIAS: "Biases, independent of the prompt. A source node: it has no incoming edges.",
    NodeKind.MLP: "An MLP without a transcoder. A source node: its inputs are not followed.",
    NodeKind.SKIP: "Linear skip connection of the transcoder.",
    NodeKind.NEURON: (
        "A neuron of an MLP is described by the tokens that it promotes. In attribution its activation "
        "function is a constant ratio; of a gated MLP each factor is given half."
    ),
    NodeKind.LOGITS: "Target of this circuit.",
}
SCORE_EDGE_EXPLANATIONS = {  # of circuits with contributors
    NodeKind.FEATURE: (
        "A feature is described by its directions and activating examples. Edges into its query and key say, "
        "to first order, what makes heads attend; the others hold attention patterns."
    ),
    NodeKind.HEAD: (
        "An attention head without features, at one position. Edges into its query and key say, to first "
        "order, what makes it attend; the others hold its pattern."
    ),
}


class PromptNodeView(QWidget):
    """Part of the inspector; token effects are computed by the worker."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.node = ""
        self.numbers_label = QLabel("", wordWrap=True, accessibleName="Numbers of the node")
        self.numbers_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.meaning_label = QLabel("", objectName="muted", wordWrap=True)
        self.pairs_heading = QLabel("Query–key pairs", objectName="heading")
        self.pairs_label = QLabel("", wordWrap=True, accessibleName="Query–key pairs")
        self.source_label = QLabel(
            "", objectName="muted", wordWrap=True, accessibleName="Origin of the graph"
        )
        self.token_columns = TokenColumns(N_TOP_TOKENS)
        self.dashboard_button = QPushButton(
            "Dashboard", toolTip="show this feature's activating examples in Features"
        )
        self.trace_button = QPushButton("Trace", toolTip="trace the circuit of this node (Shift+T)")
        self._build()
        self.dashboard_button.clicked.connect(lambda: workspace.panel_requested.emit("features"))
        self.trace_button.clicked.connect(workspace.prompt_circuits.trace_selected_node)

    def show_node(self, name: str) -> None:
        """Show a node of the open prompt circuit and request its token effects."""
        state, query = self.workspace.document.state, self.workspace.prompt_circuits.query
        if state.circuit is None or name not in state.circuit.graph.node_index:
            return
        node = state.circuit.graph.node(name)
        info = {} if state.scores is None else state.scores.info
        self.meaning_label.setText(_explain_kind(node.kind, bool(info.get("attention_ledger"))))
        pairs = query_key_lines(name, info)
        self.pairs_label.setText("\n".join(pairs))
        self.pairs_heading.setVisible(bool(pairs))
        self.pairs_label.setVisible(bool(pairs))
        self.source_label.setText(describe_graph_source(info))
        self.source_label.setVisible(bool(self.source_label.text()))
        self.dashboard_button.setVisible(node.kind is NodeKind.FEATURE and query is not None)
        self.trace_button.setVisible(self.workspace.prompt_circuits.traceable_node == name)
        if name != self.node:
            self.node = name
            self.token_columns.hide()
        self.numbers_label.setText(self._numbers_text(node))
        if self.workspace.opened_model is not None and query is not None:
            handle = self.workspace.submit_request(ReadPromptNode(query, name))
            handle.finished.connect(self._on_node_read)

    def describe_node(self, node: Node) -> str:
        """Kind, position and token of a node in one line."""
        description = STYLE_DESCRIPTIONS[node_style(node.kind, node.name)]
        if node.position is None:
            return description
        word = tokens_by_position(self.workspace.document.state).get(node.position)
        return f"{description} at position {node.position}{'' if word is None else f', “{word.strip()}”'}"

    def _numbers_text(self, node: Node, reading: PromptNodeReading | None = None) -> str:
        scores = self.workspace.document.state.scores
        parts = describe_node_values(node, {} if scores is None else scores.info)
        if reading is not None and reading.norm_fraction is not None:
            parts.append(f"{reading.norm_fraction:.0%} of the norm of its site's output")
        return " · ".join(parts)

    def _on_node_read(self, reply: QueryResult) -> None:
        reading, circuit = reply.result, self.workspace.document.state.circuit
        if reading is None or reading.node != self.node or circuit is None:
            return
        if self.node not in circuit.graph.node_index:
            return
        self.numbers_label.setText(self._numbers_text(circuit.graph.node(self.node), reading))
        self.token_columns.setVisible(bool(reading.promoted_tokens))
        up, down = (
            [(self._token_text(t.token), t.value) for t in side]
            for side in (reading.promoted_tokens, reading.suppressed_tokens)
        )
        self.token_columns.show_tokens(up, down)

    def _token_text(self, token: str) -> str:
        """A token, marked where it is an answer of the query."""
        query = self.workspace.prompt_circuits.query
        answers = {} if query is None else dict.fromkeys(query.incorrect, "incorrect")
        answers |= {} if query is None else dict.fromkeys(query.correct, "correct")
        return visible_token(token) + ANSWER_MARKS.get(answers.get(token, ""), "")

    def _build(self) -> None:
        buttons = lay_out_row(self.dashboard_button, self.trace_button, 1, spacing=6)
        lay_out_column(
            self.numbers_label,
            self.meaning_label,
            buttons,
            self.token_columns,
            self.pairs_heading,
            self.pairs_label,
            self.source_label,
            parent=self,
            spacing=7,
        )


def _explain_kind(kind: NodeKind, has_score_edges: bool) -> str:
    """What a kind of node means; edges through attention scores explain what heads attend to."""
    if has_score_edges and kind in SCORE_EDGE_EXPLANATIONS:
        return SCORE_EDGE_EXPLANATIONS[kind]
    return KIND_EXPLANATIONS.get(kind, "")
