"""Filters of the canvas: by number, score, sign and input of edges; by kind, layer and score of nodes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from circuitviz.document import State, ViewFilters, set_filters
from circuitviz.document.view_filters import CHANNELS, SIGN_MEANINGS, SIGNS
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED, adjust_form_fields, make_form
from circuitviz.panels.widgets.focused_wheel import FocusedSlider
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import DecimalField, IntegerField
from circuitviz.workspace.workspace import Workspace

SLIDER_STEPS = 400
MAX_CHIPS_IN_ROW = 4
SIGN_LABELS = {"helps": ("raise the metric", "lower it"), "file": ("positive score", "negative score")}
CHANNEL_LABELS = dict(zip(CHANNELS, ("q", "k", "v", "MLP, logits"), strict=True))
KIND_LABELS = {"head": "heads", "mlp": "MLPs", "feature": "features", "error": "errors", "token": "tokens"}


def _sign_labels(sign: str) -> dict[str, str]:
    """Labels of the sign chips, by whether the sign convention is known."""
    return dict(zip(SIGNS, SIGN_LABELS["helps" if sign == "helps" else "file"], strict=True))


class ToggleChips(QWidget):
    """Toggle buttons; a pressed one is shown."""

    def __init__(self, labels: dict[str, str], group_name: str) -> None:
        super().__init__()
        self._group_name = group_name
        rows: list[QHBoxLayout] = []
        self.chips: dict[str, QToolButton] = {}
        for key, text in labels.items():
            chip = QToolButton(text=text, checkable=True, checked=True, objectName="chip")
            chip.setAccessibleName(f"{group_name}: {text}")
            if len(self.chips) % MAX_CHIPS_IN_ROW == 0:
                rows.append(QHBoxLayout(spacing=4))
            self.chips[key] = chip
            rows[-1].addWidget(chip)
        for row in rows:
            row.addStretch(1)
        lay_out_column(*rows, parent=self, spacing=4)

    def set_labels(self, labels: dict[str, str], tips: Iterable[str]) -> None:
        """Relabel the chips."""
        for (key, text), tip in zip(labels.items(), tips, strict=True):
            self.chips[key].setText(text)
            self.chips[key].setAccessibleName(f"{self._group_name}: {text}")
            self.chips[key].setToolTip(tip)

    def unchecked_keys(self) -> frozenset[str]:
        """Keys of the chips that are not pressed."""
        return frozenset(key for key, chip in self.chips.items() if not chip.isChecked())

    def set_unchecked(self, keys: Collection[str]) -> None:
        """Press all chips but these."""
        for key, chip in self.chips.items():
            chip.setChecked(key not in keys)


@panels.register(
    "filters",
    summary="which nodes and edges are drawn",
    title="Filters",
    area="bottom",
    place="circuit",
    order=1,
)
class FiltersPanel(Panel):
    """Filters take effect at once; consecutive changes are one undo step."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._is_updating = False
        self._n_circuit_edges = 1
        self.max_edges_slider = FocusedSlider(
            Qt.Orientation.Horizontal, maximum=SLIDER_STEPS, accessibleName="Strongest edges"
        )
        self.max_edges_label = QLabel("all", objectName="muted")
        self.edge_score_field = _score_field("Minimum |score| of an edge")
        self.sign_chips = ToggleChips(_sign_labels("helps"), "Sign")
        self.channel_chips = ToggleChips(CHANNEL_LABELS, "Edges into")
        self.kind_chips, self.span_chips = ToggleChips({}, "Kind"), ToggleChips({}, "Span")
        self.first_layer_field = IntegerField(accessibleName="From layer")
        self.last_layer_field = IntegerField(accessibleName="To layer")
        self.node_score_field = _score_field("Minimum |score| of a node")
        self.connected_box = QCheckBox("hide nodes without a shown edge")
        self.show_all_button = QPushButton("Show everything", objectName="link")
        self._build()
        self.max_edges_slider.valueChanged.connect(self._apply_filters)
        for number in (
            self.edge_score_field,
            self.node_score_field,
            self.first_layer_field,
            self.last_layer_field,
        ):
            number.valueChanged.connect(self._apply_filters)
        for chips in (self.sign_chips, self.channel_chips):
            self._connect_chips(chips)
        self.connected_box.toggled.connect(self._apply_filters)
        self.show_all_button.clicked.connect(lambda: self.workspace.apply_command(set_filters(ViewFilters())))
        workspace.state_changed.connect(self.show_state)
        self.show_state()

    def show_state(self) -> None:
        """Show the document's filters."""
        state = self.workspace.state
        self.setEnabled(state.circuit is not None)
        if state.circuit is None:
            return
        filters, circuit = state.filters, state.circuit
        self._is_updating = True
        self._n_circuit_edges = max(2, circuit.n_edges)
        layers = circuit.graph.shape.n_layers
        for field, value in ((self.first_layer_field, filters.low), (self.last_layer_field, filters.high)):
            field.setRange(0, max(0, layers - 1))
            field.setValue((0 if field is self.first_layer_field else layers - 1) if value is None else value)
        n_edges = circuit.n_edges if filters.most is None else min(filters.most, circuit.n_edges)
        if self._slider_n_edges() != n_edges:
            share = math.log(max(1, n_edges)) / math.log(self._n_circuit_edges)
            self.max_edges_slider.setValue(
                SLIDER_STEPS if filters.most is None else round(SLIDER_STEPS * share)
            )
        self.max_edges_label.setText("all" if filters.most is None else f"{n_edges:,}")
        self.edge_score_field.setValue(filters.least)
        self.node_score_field.setValue(filters.score)
        self.sign_chips.set_labels(_sign_labels(state.sign_meaning), SIGN_MEANINGS[state.sign_meaning])
        self.sign_chips.set_unchecked(filters.hidden_signs)
        self.channel_chips.set_unchecked(filters.hidden_channels)
        self._show_node_chips(state)
        self.connected_box.setChecked(filters.joined)
        self.show_all_button.setEnabled(not filters.shows_everything)
        self._is_updating = False

    def current_filters(self) -> ViewFilters:
        """The filters of the form."""
        layers = self.last_layer_field.maximum()
        return ViewFilters(
            most=None if self.max_edges_slider.value() == SLIDER_STEPS else self._slider_n_edges(),
            least=self.edge_score_field.value(),
            hidden_signs=self.sign_chips.unchecked_keys(),
            hidden_channels=self.channel_chips.unchecked_keys(),
            hidden_kinds=self.kind_chips.unchecked_keys(),
            hidden_spans=self.span_chips.unchecked_keys(),
            low=self.first_layer_field.value() or None,
            high=None if self.last_layer_field.value() == layers else self.last_layer_field.value(),
            score=self.node_score_field.value(),
            joined=self.connected_box.isChecked(),
        )

    def _slider_n_edges(self) -> int:
        return max(
            1, round(math.exp(self.max_edges_slider.value() / SLIDER_STEPS * math.log(self._n_circuit_edges)))
        )

    def _apply_filters(self) -> None:
        if not self._is_updating:
            self.workspace.apply_command(set_filters(self.current_filters()))

    def _connect_chips(self, chips: ToggleChips) -> None:
        for chip in chips.chips.values():
            chip.toggled.connect(self._apply_filters)

    def _show_node_chips(self, state: State) -> None:
        """A chip for each kind of node, and for each span of a circuit by span."""
        assert state.circuit is not None
        graph = state.circuit.graph
        kinds = dict.fromkeys(str(graph.node(name).kind) for name in state.circuit.node_names)
        spans = () if graph.spans is None else graph.spans.names
        self.kind_chips = self._change_chips(
            self.kind_chips, {k: KIND_LABELS.get(k, k) for k in kinds}, "Kind"
        )
        self.span_chips = self._change_chips(self.span_chips, {name: name for name in spans}, "Span")
        self.nodes_form.setRowVisible(self.span_chips, bool(spans))
        self.kind_chips.set_unchecked(state.filters.hidden_kinds)
        self.span_chips.set_unchecked(state.filters.hidden_spans)

    def _change_chips(self, chips: ToggleChips, labels: dict[str, str], group_name: str) -> ToggleChips:
        """Chips with other keys in place of some; the same where these have them."""
        if list(labels) == list(chips.chips):
            return chips
        changed = ToggleChips(labels, group_name)
        self.nodes_form.replaceWidget(chips, changed)
        chips.hide()
        chips.deleteLater()
        self._connect_chips(changed)
        return changed

    def _build(self) -> None:
        self.max_edges_label.setMinimumWidth(44)
        self.max_edges_label.setAlignment(RIGHT_ALIGNED)
        edges, nodes = QWidget(), QWidget()
        edges_form = _headed_form(edges, QLabel("Edges", objectName="heading"))
        _add_row(edges_form, "strongest", _row_of((self.max_edges_slider, self.max_edges_label)))
        _add_row(edges_form, "|score| from", self.edge_score_field)
        _add_row(edges_form, "that", self.sign_chips)
        _add_row(edges_form, "into", self.channel_chips)
        head = lay_out_row((QLabel("Nodes", objectName="heading"), 1), self.show_all_button)
        self.nodes_form = _headed_form(nodes, head)
        _add_row(self.nodes_form, "kinds", self.kind_chips)
        _add_row(self.nodes_form, "spans", self.span_chips)
        _add_row(
            self.nodes_form, "layers", _row_of((self.first_layer_field, QLabel("to"), self.last_layer_field))
        )
        _add_row(self.nodes_form, "|score| from", self.node_score_field)
        self.nodes_form.addRow(self.connected_box)
        content = FoldingRow(edges, nodes, spacing=28, margins=(12, 4, 12, 6))
        lay_out_column(VerticalScrollArea(content), parent=self)
        adjust_form_fields(self)


def _headed_form(parent: QWidget, head: QLabel | QHBoxLayout) -> QFormLayout:
    form = make_form(parent, vertical_spacing=5)
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(10)
    if isinstance(head, QLabel):
        head.setMinimumHeight(22)
        form.addRow(head)
    else:
        form.addRow(head)
    return form


def _add_row(form: QFormLayout, text: str, field: QWidget) -> None:
    label = QLabel(text, objectName="muted")
    label.setMinimumHeight(max(26, field.sizeHint().height()))  # beside the field's middle
    form.addRow(label, field)


def _score_field(name: str) -> DecimalField:
    field = DecimalField(decimals=4, maximum=1e6, singleStep=0.01, accessibleName=name)
    field.setSpecialValueText("any")
    field.setKeyboardTracking(False)
    return field


def _row_of(widgets: Iterable[QWidget]) -> QWidget:
    container = QWidget()
    row = QHBoxLayout(container)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return container
