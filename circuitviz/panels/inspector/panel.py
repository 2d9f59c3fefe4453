"""Inspector: logit lens, direct logit attribution, attention and strongest edges of the selected node."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontInfo, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QLabel,
    QLineEdit,
    QToolButton,
    QWidget,
)

from circuitviz.document import Label, expand_nodes, set_label
from circuitviz.document.label_commands import colour_classes
from circuitviz.document.labels import DEFAULT_LABEL_COLOUR, class_key, colour_for_role
from circuitviz.document.node_text import describe_score_place, tokens_by_position
from circuitviz.graph.edge_words import edge_in_words
from circuitviz.graph.names import split_span
from circuitviz.number_text import signed_number
from circuitviz.panels.inspector.attention_map import AttentionMap
from circuitviz.panels.inspector.edge_view import EdgeView
from circuitviz.panels.inspector.node_edge_lists import NodeEdgeLists
from circuitviz.panels.inspector.prompt_node_view import PromptNodeView
from circuitviz.panels.inspector.scrolling_map import ScrollingMap
from circuitviz.panels.inspector.token_columns import TokenColumns
from circuitviz.panels.labels.labels_table import RoleCompleter
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.prompt_selector import PromptSelector
from circuitviz.panels.widgets.token_texts import ranked_token
from circuitviz.scene.class_colours import class_colours, colour_in_theme, label_colour
from circuitviz.scene.theme import Theme
from circuitviz.workspace.comparison_text import (
    describe_selected_edges,
    describe_selected_nodes,
    group_of_selection,
    overlaid_circuit,
    selection_only_in_other,
)
from circuitviz.workspace.workspace import Workspace

MAX_LENS_TOKENS = 6
MAX_NAMED_EDGES = 5
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


@panels.register("inspector", summary="the selected node", title="Inspector", area="right", order=1)
class InspectorPanel(Panel):
    """Describes the selection; readings of one node are computed by the worker."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.node = ""
        self.reading: Any = None
        self.title_label = QLabel("Select a head or an MLP on the canvas", objectName="title", wordWrap=True)
        self.description_label = QLabel("", objectName="muted", wordWrap=True)
        self.label_field = QLineEdit(placeholderText="Label", accessibleName="Label")
        colour = "Colour of the label"
        self.colour_button = QToolButton(text="●", toolTip=colour, accessibleName=colour)
        self.prompt_box = PromptSelector(workspace)
        self.lens_columns = TokenColumns(MAX_LENS_TOKENS)
        self.answers_label = QLabel("", wordWrap=True)
        self.attribution_label = QLabel("", wordWrap=True)
        self.value_weighted_box = QCheckBox("weighted by value size")
        self.attention_map = AttentionMap()
        self.prompt_node_view = PromptNodeView(
            workspace
        )  # instead of the readings, where the circuit is of features
        self.node_edge_lists = NodeEdgeLists()
        self.edge_view = EdgeView(workspace)
        self._picked_colour = ""  # for a node that has no label yet
        self._build()
        self.label_field.setCompleter(RoleCompleter(workspace, self.label_field))
        escape = QShortcut(Qt.Key.Key_Escape, self.label_field, context=Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._discard_typed_label)
        self.node_edge_lists.edge_chosen.connect(
            lambda edge: workspace.set_selection(frozenset(), frozenset({edge}))
        )
        self.label_field.editingFinished.connect(self.save_label)
        for leaving in (workspace.commit_input_requested, workspace.document_closing):
            leaving.connect(self._save_typed_label)
        self.colour_button.clicked.connect(self._pick_colour)
        workspace.prompt_changed.connect(self._request_reading)
        self.value_weighted_box.toggled.connect(lambda _on: self._show_attention())
        workspace.selection_changed.connect(self.show_selection)
        workspace.state_changed.connect(self._show_state)
        workspace.node_reading_received.connect(self.show_reading)
        workspace.model_ready.connect(lambda _ready: self._request_reading())
        self.show_selection()

    def _build(self) -> None:
        content = QWidget()
        self.body = QWidget()
        lay_out_column(
            self.title_label,
            self.description_label,
            self.body,
            self.edge_view,
            1,
            parent=content,
            spacing=7,
            margins=(12, 8, 12, 12),
        )
        row = lay_out_row((self.label_field, 1), self.colour_button)
        self.readings_box = QWidget()
        self.prompt_row = QWidget()
        lay_out_row(QLabel("Prompt", objectName="muted"), (self.prompt_box, 1), parent=self.prompt_row)
        self.attention_box = QWidget()
        head = lay_out_row(_heading_label("Attention"), 1, self.value_weighted_box)
        lay_out_column(head, ScrollingMap(self.attention_map), parent=self.attention_box)
        lay_out_column(
            self.prompt_row,
            _heading_label("Logit lens of its output"),
            self.lens_columns,
            self.answers_label,
            _heading_label("Direct logit attribution"),
            self.attribution_label,
            parent=self.readings_box,
            spacing=7,
        )
        lay_out_column(
            row,
            self.prompt_node_view,
            self.readings_box,
            self.node_edge_lists,
            self.attention_box,
            parent=self.body,
            spacing=7,
        )
        scroll = VerticalScrollArea(content, min_width_px=300)
        scroll.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # what it says is scrolled by keys
        scroll.setAccessibleName("What is selected")
        lay_out_column(scroll, parent=self)

    def show_selection(self) -> None:
        """Describe the selected nodes and edges, and request the readings of a single node."""
        nodes, edges = self.workspace.selected_nodes, self.workspace.selected_edges
        circuit = self.workspace.state.circuit
        graph_nodes = circuit.graph.node_index if circuit is not None else ()
        only_node = next(iter(nodes)) if len(nodes) == 1 else ""
        node = only_node if only_node in graph_nodes else ""
        if node != self.node:
            self._save_typed_label()  # it was typed for the node before
            self._picked_colour = ""
        self.node = node
        self.body.setVisible(bool(self.node))
        self.edge_view.show_edge(self._edge_to_read())
        if self.node:
            self.reading = None
            self._show_state()
            self.body.setEnabled(True)
            self._clear_readings()
            self._request_reading()
        elif only_node:
            members = sorted(expand_nodes(self.workspace.state, nodes))
            self._show_title(only_node, f"{len(members)} nodes together: {', '.join(members)}")
        elif len(nodes) > 1:
            number = f"{len(nodes)} nodes"
            group = group_of_selection(self.workspace)
            self._show_title(
                f"{group}: {number}" if group else f"{number} selected",
                describe_selected_nodes(self.workspace),
            )
        elif edges:
            self._show_title(
                "\n".join(edge_in_words(edge) for edge in sorted(edges)[:MAX_NAMED_EDGES]),
                "\n".join(
                    filter(None, [describe_selected_edges(self.workspace), self._score_place_text(edges)])
                ),
                "\n".join(sorted(edges)[:MAX_NAMED_EDGES]),
            )
        else:
            self._show_title("Nothing selected", "Click a head, an MLP or an edge on the canvas.")

    def save_label(self) -> None:
        """Label the node with the text and colour of the label field."""
        text = self.label_field.text().strip()
        old_label = self.workspace.document.state.labels.get(self.node)
        new_label = None
        if text:
            others = {t: x for t, x in self.workspace.document.state.labels.items() if t != self.node}
            is_of_same_class = old_label is not None and class_key(old_label.text) == class_key(text)
            colour = self._picked_colour or colour_for_role(others, text)
            kept = old_label or Label(text)
            new_label = replace(kept, text=text, colour=kept.colour if is_of_same_class else colour)
        self.label_field.setModified(False)
        if self.node and old_label != new_label:
            self.workspace.apply_command(set_label(self.node, new_label))

    def _save_typed_label(self) -> None:
        """Save a label that is being typed before another node or document is shown."""
        if self.label_field.isModified():
            self.save_label()

    def _discard_typed_label(self) -> None:
        """Restore the document's label."""
        self.label_field.setModified(False)
        self._show_state()

    def show_reading(self, reading: Any) -> None:
        """Show a reading, unless another node or prompt has been selected since."""
        if reading.node != self.node or reading.prompt != self.workspace.prompt_index:
            return
        self.reading = reading
        up, down = ([(ranked_token(t), t.logit) for t in side] for side in (reading.top, reading.bottom))
        self.lens_columns.show_tokens(up, down)
        ranked = [
            f"{ranked_token(t)} {signed_number(t.logit, 2)} (rank {t.rank + 1:,})".replace(
                " ", NO_BREAK_SPACE
            )
            for t in reading.answers[:4]
        ]
        is_zero = not any(token.logit for token in (*reading.top, *reading.bottom))
        self.answers_label.setText("output is zero here" if is_zero else "answers: " + ",  ".join(ranked))
        value = reading.direct_logit_attribution
        self.attribution_label.setText(
            "needs incorrect answers"
            if value is None
            else f"{signed_number(value, 3)} to correct − incorrect"
        )
        self._show_attention()

    def _show_attention(self) -> None:
        reading = self.reading
        pattern = None if reading is None else reading.attention
        self.attention_box.setVisible(pattern is not None)
        if reading is not None and pattern is not None:
            self.attention_map.show_pattern(
                reading.tokens, reading.weighted if self.value_weighted_box.isChecked() else pattern
            )

    def _clear_readings(self) -> None:
        self.lens_columns.clear()
        waiting = "reading…" if self.workspace.opened_model else "available when the model is open"
        if "@" in self.node and not split_span(self.node)[1]:
            waiting = "see its dashboard in Features" if ".f" in self.node else ""
        self.answers_label.setText(waiting)
        self.attribution_label.setText("")
        self.attention_box.setVisible(False)

    def _request_reading(self) -> None:
        circuit = self.workspace.state.circuit
        if self.node and circuit is not None and circuit.graph.is_of_prompt:
            self.prompt_node_view.show_node(self.node)
        elif self.node:
            self.workspace.request_node_reading(self.node, self.workspace.prompt_index)

    def _edge_to_read(self) -> str:
        """The one edge that is selected, where it is one between components."""
        nodes, edges = self.workspace.selected_nodes, self.workspace.selected_edges
        circuit = self.workspace.state.circuit
        if nodes or len(edges) != 1 or circuit is None or circuit.graph.is_of_prompt:
            return ""
        (edge,) = edges
        sender, _, receiver = edge.partition("->")
        graph = circuit.graph
        return edge if sender in graph.sender_index and receiver in graph.receiver_index else ""

    def _score_place_text(self, edges: Collection[str]) -> str:
        """Where most of an edge through attention scores comes from; empty for others, and of several."""
        state = self.workspace.state
        info = {} if state.scores is None else state.scores.info
        place = info.get("score_places", {}).get(next(iter(edges))) if len(edges) == 1 else None
        return "" if place is None else describe_score_place(place, tokens_by_position(state))

    def _show_title(self, title: str, about: str, tool_tip: str = "") -> None:
        self.title_label.setText(title)
        self.title_label.setToolTip(tool_tip)
        self.description_label.setText(about)

    def set_theme(self, theme: Theme) -> None:
        """Show the node's class in the theme's colour."""
        super().set_theme(theme)
        self._show_state()

    def _show_state(self) -> None:
        state = self.workspace.state
        if state.circuit is None or self.node not in state.circuit.graph.node_index:
            return  # nothing, or gone with another basis: the selection follows
        label = state.labels.get(self.node)
        if not self.label_field.isModified():  # else a label is being typed
            self.label_field.setText(label.text if label else "")
        colour = self._picked_colour
        if label is not None:
            colour = label_colour(state, class_colours(state), self.node, label)
        colour = colour_in_theme(colour, self.theme) or "palette(placeholder-text)"
        style = f"color: {colour}; font-size: {round(1.35 * QFontInfo(self.font()).pixelSize())}px;"
        if self.colour_button.styleSheet() != style:  # it is polished anew each time
            self.colour_button.setStyleSheet(style)
        ablated_text = " · ablated" if self.node in state.ablated_nodes else ""
        other = overlaid_circuit(self.workspace)
        side_text = f" · only in {other[0]}" if other and selection_only_in_other(self.workspace) else ""
        node, features = state.circuit.graph.node(self.node), state.circuit.graph.is_of_prompt
        self.prompt_node_view.setVisible(features)
        self.readings_box.setVisible(not features)
        kind = self.prompt_node_view.describe_node(node) if features else node.kind
        self._show_title(
            self.node,
            f"{ {'head': 'attention head', 'mlp': 'MLP'}.get(kind, kind) }{ablated_text}{side_text}",
        )
        self._show_edges()

    def _show_edges(self) -> None:
        other = overlaid_circuit(self.workspace) if selection_only_in_other(self.workspace) else None
        self.node_edge_lists.show_edges(other[1] if other else self.workspace.state, self.node)

    def _pick_colour(self) -> None:
        label = self.workspace.document.state.labels.get(self.node)
        start = (label.colour if label else "") or DEFAULT_LABEL_COLOUR
        colour = QColorDialog.getColor(start, self, "Colour of the label")
        if not colour.isValid():
            return
        if label is None:
            self._picked_colour = colour.name()
            self.save_label()
            self._show_state()
        else:
            self.save_label()
            self.workspace.apply_command(colour_classes([self.node], colour.name()))


def _heading_label(text: str) -> QLabel:
    label = QLabel(text, objectName="heading")
    label.setContentsMargins(0, 6, 0, 0)
    return label
