"""What the inspector shows of a node of a prompt: its numbers, what they mean, and where to go from it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from circuitviz.canvas.kinds import MEANINGS, look_of
from circuitviz.graph import Kind, Node
from circuitviz.jobs import Reply, Seen
from circuitviz.jobs.node import TOKENS, NodeRead, ReadNode
from circuitviz.panels.desk import Desk
from circuitviz.panels.token_columns import TokenColumns
from circuitviz.session.words import graph_source, numbers_of, words_of

TOLD = {
    Kind.FEATURE: (
        "A feature is read by its directions and by where it fires, not by a lens or a pattern. Attention "
        "is frozen here: why a head looks at this token is not in its edges."
    ),
    Kind.HEAD: "A head without features, at one position. Its pattern is frozen in this circuit.",
    Kind.ERROR: "What the dictionary does not reconstruct at this token. A leaf: nothing flows into it.",
    Kind.TOKEN: "The embedding of the prompt’s token. A leaf: it has no other reading.",
    Kind.POSITION: "The embedding of the position. A leaf: it has no other reading.",
    Kind.BIAS: "Biases, which are there whatever the prompt is. A leaf: it has no other reading.",
    Kind.MLP: "An MLP without a transcoder is a leaf: what it reads is not followed.",
    Kind.SKIP: "What the transcoder passes on linearly, past its features.",
    Kind.NEURON: "What this circuit explains: a neuron’s value before its activation function.",
    Kind.LOGITS: "What this circuit explains.",
}


class NodeReading(QWidget):
    """Follows what the inspector shows; readings come from the worker."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.node = ""
        self.numbers = QLabel("", wordWrap=True, accessibleName="Numbers of the node")
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.meaning = QLabel("", objectName="muted", wordWrap=True)
        self.source = QLabel("", objectName="muted", wordWrap=True, accessibleName="Origin of the graph")
        self.tokens = TokenColumns(TOKENS)
        self.dashboard = QPushButton("Dashboard", toolTip="where this feature fires, in Features")
        self.trace = QPushButton("Trace", toolTip="the circuit of this node (Shift+T)")
        self._build()
        self.dashboard.clicked.connect(lambda: desk.panel_wanted.emit("features"))
        self.trace.clicked.connect(desk.asking.trace_selected)
        desk.arrived.connect(self._arrived)

    def show_node(self, name: str) -> None:
        """Show a node of the open circuit of features; its reading follows, where its model can be asked."""
        state, question = self.desk.document.state, self.desk.asking.question
        if state.circuit is None or name not in state.circuit.graph.node_index:
            return
        node = state.circuit.graph.node(name)
        self.meaning.setText(TOLD.get(node.kind, ""))
        self.source.setText(graph_source({} if state.scores is None else state.scores.info))
        self.source.setVisible(bool(self.source.text()))
        self.dashboard.setVisible(node.kind is Kind.FEATURE and question is not None)
        self.trace.setVisible(self.desk.asking.traceable == name)
        if name != self.node:
            self.node = name
            self.tokens.hide()
        self.numbers.setText(self._numbers(node))
        if self.desk.opened is not None and question is not None:
            self.desk.ask(ReadNode(question, name))

    def about(self, node: Node) -> str:
        """What a node is and where it stands, in a line."""
        said = MEANINGS[look_of(node.kind, node.name)]
        if node.position is None:
            return said
        word = words_of(self.desk.document.state).get(node.position)
        return f"{said} at position {node.position}{'' if word is None else f', “{word.strip()}”'}"

    def _numbers(self, node: Node, found: NodeRead | None = None) -> str:
        scores = self.desk.document.state.scores
        parts = numbers_of(node, {} if scores is None else scores.info)
        if found is not None and found.share is not None:
            parts.append(f"{found.share:.0%} as long as all that its site writes here")
        return " · ".join(parts)

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Seen) or not isinstance(reply.look, ReadNode):
            return
        found, circuit = reply.result, self.desk.document.state.circuit
        if found is None or found.node != self.node or circuit is None:
            return
        if self.node not in circuit.graph.node_index:
            return
        self.numbers.setText(self._numbers(circuit.graph.node(self.node), found))
        self.tokens.setVisible(bool(found.promotes))
        up, down = ([(t.token.strip(), t.value) for t in side] for side in (found.promotes, found.suppresses))
        self.tokens.show_tokens(up, down)

    def _build(self) -> None:
        buttons = QHBoxLayout(spacing=6)
        buttons.addWidget(self.dashboard)
        buttons.addWidget(self.trace)
        buttons.addStretch(1)
        column = QVBoxLayout(self, spacing=7)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.numbers)
        column.addWidget(self.meaning)
        column.addLayout(buttons)
        column.addWidget(self.tokens)
        column.addWidget(self.source)
