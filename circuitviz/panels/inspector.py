"""What the selected node does: its logit lens, direct effect, attention, and strongest edges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontInfo, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import Theme
from circuitviz.panels.attention import AttentionMap
from circuitviz.panels.desk import Desk
from circuitviz.panels.labelling.table import RoleCompleter
from circuitviz.panels.node_reading import NodeReading
from circuitviz.panels.plain import as_caption
from circuitviz.panels.prompt_box import PromptBox
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.room import Column
from circuitviz.panels.sides import only_there, other_of, told_edges, told_nodes, whole_group
from circuitviz.panels.token_columns import TokenColumns
from circuitviz.session import Label, members_of, set_label

ROWS = 6
EDGES = 8  # the strongest are listed
COLOUR = "#8b5cf6"


@panels.register("inspector", summary="the selected node", title="Inspector", area="right", order=1)
class InspectorPanel(Panel):
    """Readings come from the worker; until they do, the last ones are greyed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.node = ""
        self.reading: Any = None
        self.name = QLabel("Select a head or an MLP on the canvas", objectName="title", wordWrap=True)
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.label = QLineEdit(placeholderText="Label: what does it do?", accessibleName="Label")
        colour = "Colour of the label"
        self.colour = QToolButton(text="●", toolTip=colour, accessibleName=colour)
        self.prompt = PromptBox(desk)
        self.lens = TokenColumns(ROWS)
        self.answers = QLabel("", wordWrap=True)
        self.direct = QLabel("")
        self.weighted = QCheckBox("weighted by value size")
        self.map = AttentionMap()
        self.part = NodeReading(desk)  # instead of the readings, where the circuit is of features
        self.edges = [QPushButton(objectName="link") for _ in range(EDGES)]
        self._strongest: list[tuple[str, float]] = []
        self._colour = COLOUR
        self._build()
        self.label.setCompleter(RoleCompleter(desk, self.label))
        away = QShortcut(Qt.Key.Key_Escape, self.label, context=Qt.ShortcutContext.WidgetShortcut)
        away.activated.connect(self._forget_label)
        for at, button in enumerate(self.edges):
            button.clicked.connect(partial(self._choose_edge, at))
        self.label.editingFinished.connect(self.keep_label)
        for ends in (desk.input_ends, desk.document_left):
            ends.connect(self._keep_typed_label)
        self.colour.clicked.connect(self._pick_colour)
        desk.prompt_changed.connect(self._ask)
        self.weighted.toggled.connect(lambda _on: self._show_attention())
        desk.selection_changed.connect(self.show_selection)
        desk.state_changed.connect(self._show_state)
        desk.reading_arrived.connect(self.show_reading)
        desk.ready.connect(lambda _ready: self._ask())
        self.show_selection()

    def set_theme(self, theme: Theme) -> None:
        """Colour the attention map."""
        self.map.theme = theme
        self.map.update()

    def _build(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(7)
        column.addWidget(self.name)
        column.addWidget(self.about)
        self.body = QWidget()
        column.addWidget(self.body)
        column.addStretch(1)
        body = QVBoxLayout(self.body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(7)
        row = QHBoxLayout()
        row.addWidget(self.label, 1)
        row.addWidget(self.colour)
        body.addLayout(row)
        body.addWidget(self.part)
        self.readings = QWidget()
        readings = QVBoxLayout(self.readings)
        readings.setContentsMargins(0, 0, 0, 0)
        readings.setSpacing(7)
        body.addWidget(self.readings)
        self.prompt_row = QWidget()
        prompt = QHBoxLayout(self.prompt_row)
        prompt.setContentsMargins(0, 0, 0, 0)
        prompt.addWidget(QLabel("Prompt", objectName="muted"))
        prompt.addWidget(self.prompt, 1)
        readings.addWidget(self.prompt_row)
        readings.addWidget(_heading("Logit lens of its output"))
        readings.addWidget(self.lens)
        readings.addWidget(self.answers)
        readings.addWidget(_heading("Direct logit attribution"))
        readings.addWidget(self.direct)
        self.attention_box = QWidget()
        attention = QVBoxLayout(self.attention_box)
        attention.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        head.addWidget(_heading("Attention"))
        head.addStretch(1)
        head.addWidget(self.weighted)
        attention.addLayout(head)
        attention.addWidget(self.map)
        readings.addWidget(self.attention_box)
        body.addWidget(_heading("Strongest edges"))
        strongest = QVBoxLayout(spacing=0)
        body.addLayout(strongest)
        for button in self.edges:
            strongest.addWidget(button)
            button.hide()
        scroll = Column(inside, least=300)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # what it says is scrolled by keys
        scroll.setAccessibleName("What is selected")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    def show_selection(self) -> None:
        """Follow the selection; one node is read."""
        nodes, edges = self.desk.nodes, self.desk.edges
        circuit = self.desk.state.circuit
        known = circuit.graph.node_index if circuit is not None else ()
        one = next(iter(nodes)) if len(nodes) == 1 else ""
        node = one if one in known else ""
        if node != self.node:
            self._keep_typed_label()  # it was typed for the node before
        self.node = node
        self.body.setVisible(bool(self.node))
        if self.node:
            self.reading = None
            self._show_state()
            self.body.setEnabled(True)
            self._clear_readings()
            self._ask()
        elif one:
            inside = sorted(members_of(self.desk.state, nodes))
            self._say(one, f"{len(inside)} nodes together: {', '.join(inside)}")
        elif len(nodes) > 1:
            number = f"{len(nodes)} nodes"
            group = whole_group(self.desk)
            self._say(f"{group}: {number}" if group else f"{number} selected", told_nodes(self.desk))
        elif edges:
            self._say("\n".join(sorted(edges)[:5]), told_edges(self.desk))
        else:
            self._say("Nothing selected", "Click a head, an MLP or an edge on the canvas.")

    def keep_label(self) -> None:
        """Put the label's text and colour on the node."""
        text = self.label.text().strip()
        before = self.desk.document.state.labels.get(self.node)
        known = before or Label(text)
        after = replace(known, text=text, colour=self._colour) if text else None
        self.label.setModified(False)
        if self.node and before != after and not self.desk.blind:
            self.desk.do(set_label(self.node, after))

    def _keep_typed_label(self) -> None:
        """What is being typed belongs to this node of this document, whatever comes next."""
        if self.label.isModified():
            self.keep_label()

    def _forget_label(self) -> None:
        """What was typed was not meant."""
        self.label.setModified(False)
        self._show_state()

    def show_reading(self, reading: Any) -> None:
        """Show a reading, unless another node was selected meanwhile."""
        if reading.node != self.node or reading.prompt != self.desk.prompt:
            return
        self.reading = reading
        up, down = ([(_shown(t.token), t.logit) for t in side] for side in (reading.top, reading.bottom))
        self.lens.show_tokens(up, down)
        ranked = [f"{_shown(t.token)} {t.logit:+.2f} (rank {t.rank + 1})" for t in reading.answers[:4]]
        silent = not any(token.logit for token in (*reading.top, *reading.bottom))
        self.answers.setText("writes nothing here" if silent else "answers: " + ",  ".join(ranked))
        value = reading.direct_logit_attribution
        self.direct.setText(
            "needs incorrect answers" if value is None else f"{value:+.3f} to correct − incorrect"
        )
        self._show_attention()

    def _show_attention(self) -> None:
        reading = self.reading
        pattern = None if reading is None else reading.attention
        self.attention_box.setVisible(pattern is not None)
        if reading is not None and pattern is not None:
            self.map.show_pattern(reading.tokens, reading.weighted if self.weighted.isChecked() else pattern)

    def _clear_readings(self) -> None:
        self.lens.clear()
        waiting = "reading…" if self.desk.opened else "opens with the model"
        if "@" in self.node:
            waiting = "its dashboard stands under Features" if ".f" in self.node else ""
        self.answers.setText(waiting)
        self.direct.setText("")
        self.attention_box.setVisible(False)

    def _ask(self) -> None:
        circuit = self.desk.state.circuit
        if self.node and circuit is not None and circuit.graph.is_of_prompt:
            self.part.show_node(self.node)
        elif self.node:
            self.desk.read(self.node, self.desk.prompt)

    def _say(self, title: str, about: str) -> None:
        self.name.setText(title)
        self.about.setText(about)

    def _show_state(self) -> None:
        state = self.desk.state
        if state.circuit is None or self.node not in state.circuit.graph.node_index:
            return  # nothing, or gone with another basis: the selection follows
        label = state.labels.get(self.node)
        self.label.setEnabled(not self.desk.blind)
        if not self.label.isModified():  # else somebody is typing
            self.label.setText(label.text if label else "")
        self._colour = label.colour if label else COLOUR
        shade = self._colour or "palette(placeholder-text)"
        dress = f"color: {shade}; font-size: {round(1.35 * QFontInfo(self.font()).pixelSize())}px;"
        if self.colour.styleSheet() != dress:  # it is polished anew each time
            self.colour.setStyleSheet(dress)
        out = " · ablated" if self.node in state.ablated_nodes else ""
        other = other_of(self.desk)
        side = f" · only in {other[0]}" if other and only_there(self.desk) else ""
        node, features = state.circuit.graph.node(self.node), state.circuit.graph.is_of_prompt
        self.part.setVisible(features)
        self.readings.setVisible(not features)
        kind = self.part.about(node) if features else node.kind
        self._say(self.node, f"{ {'head': 'attention head', 'mlp': 'MLP'}.get(kind, kind) }{out}{side}")
        self._show_edges()

    def _show_edges(self) -> None:
        other = other_of(self.desk) if only_there(self.desk) else None
        self._strongest = _strongest(other[1] if other else self.desk.state, self.node)[:EDGES]
        for at, button in enumerate(self.edges):
            if at < len(self._strongest):
                name, score = self._strongest[at]
                button.setText(as_caption(f"{score:+.4f}   {name}"))
            button.setVisible(at < len(self._strongest))

    def _choose_edge(self, at: int) -> None:
        self.desk.select(frozenset(), frozenset({self._strongest[at][0]}))

    def _pick_colour(self) -> None:
        chosen = QColorDialog.getColor(self._colour or COLOUR, self, "Colour of the label")
        if chosen.isValid():
            self._colour = chosen.name()
            self.keep_label()


def _strongest(state: Any, node: str) -> list[tuple[str, float]]:
    graph, (senders, receivers) = state.circuit.graph, state.circuit.ends
    touching = graph.owners[:, graph.node_index[node]][receivers]
    if node in graph.sender_index:
        touching |= senders == graph.sender_index[node]
    ends = list(zip(senders[touching].tolist(), receivers[touching].tolist(), strict=True))
    values = [1.0] * len(ends) if state.scores is None else [float(state.scores.values[at]) for at in ends]
    found = [(graph.edge_name(*at), value) for at, value in zip(ends, values, strict=True)]
    return sorted(found, key=lambda pair: -abs(pair[1]))


def _heading(text: str) -> QLabel:
    label = QLabel(text, objectName="heading")
    label.setContentsMargins(0, 6, 0, 0)
    return label


def _shown(token: str) -> str:
    return token.replace(" ", "·") if token.strip() == "" else token.strip()
