"""OV and QK between features: decomposes an edge by head, and an attention score by features."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from circuitviz.graph import NodeKind
from circuitviz.graph.names import parse_feature_name
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.readings.registry import ExportablePlot, ReadingPage, reading_pages
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import choice_box, let_shrink
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_feature_heads import (
    ReadAttentionScore,
    ReadHeadChannels,
    channels_table,
    score_table,
)
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.features.channel_shares import AttentionScoreBreakdown, EdgeChannels, HeadChannel

OV_LABEL, QK_LABEL = "OV: values moved by heads", "QK: attention scores"
PAIRS_LABEL, QUERIES_LABEL, KEYS_LABEL = "strongest pairs", "by query", "by key"
AUTO_HEAD, AUTO_QUERY, AUTO_KEY = "head: auto", "query: auto", "key: auto"


@reading_pages.register(
    "feature-heads", summary="OV and QK between features", title="Feature heads", order=4.5
)
class FeatureHeadsPage(ReadingPage):
    """Heat map on the left, bars that sum to the total on the right; a click selects a node or a head."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.ov_qk_box = choice_box("OV or QK circuit", OV_LABEL, QK_LABEL)
        self.head_box = choice_box("Head", AUTO_HEAD)
        self.query_box = choice_box("Position of the query", AUTO_QUERY)
        self.key_box = choice_box("Position of the key", AUTO_KEY)
        self.bars_box = choice_box("Bars", PAIRS_LABEL, QUERIES_LABEL, KEYS_LABEL)
        self.summary_line = ElidedLabel()
        self.heat_map = HeatMap("OV and QK between features", min_row_height=11.0)
        self.chart = ChartView("Shares of heads or nodes")
        self._offered_choices: object = None
        self.head_box.setToolTip("auto: the head with the largest contribution")
        self.query_box.setToolTip("auto: the node's position")
        self.key_box.setToolTip(
            "auto: the edge's source position, else the position with the largest attention"
        )
        let_shrink(self.head_box, self.query_box, self.key_box)
        for widget in (self.ov_qk_box, self.head_box, self.query_box, self.key_box):
            self.controls.addWidget(widget)
        self.controls.addStretch(1)
        both = lay_out_row((self.heat_map, 10), (self.chart, 9), spacing=8)
        summary_row = lay_out_row((self.summary_line, 1), self.bars_box, spacing=8, margins=(0, 0, 12, 0))
        lay_out_column(summary_row, (both, 1), parent=self.content, spacing=2, margins=(12, 0, 0, 0))
        self.ov_qk_box.activated.connect(lambda _i: self.request_update())
        for box in (self.head_box, self.query_box, self.key_box):
            box.activated.connect(lambda _i: self._on_place_chosen())
        self.bars_box.activated.connect(lambda _i: self.show_result())
        self.follow_heat_map(self.heat_map, selects_nodes=False)
        self.heat_map.cell_chosen.connect(self._on_cell_chosen)
        self.follow_chart(self.chart, selects_nodes=False)
        self.chart.nodes_clicked.connect(lambda names: self._choose_by_name(names[0]))
        workspace.state_changed.connect(self.request_update)  # another circuit, also by undo
        self._show_controls()

    @property
    def is_qk(self) -> bool:
        """Whether QK is shown, and not OV."""
        return self.ov_qk_box.currentText() == QK_LABEL

    def current_query(self) -> Query | str:
        """Read the selected edge, or the selected node."""
        self._show_controls()
        attribution_query = self.workspace.prompt_circuits.query
        if attribution_query is None:
            return "Open a prompt circuit to decompose its edges by attention head."
        circuit = self.workspace.document.state.circuit
        source: str | None = None
        if len(self.workspace.selected_edges) == 1 and not self.workspace.selected_nodes:
            source, _, name = next(iter(self.workspace.selected_edges)).partition("->")
        elif len(self.workspace.selected_nodes) == 1:
            (name,) = self.workspace.selected_nodes
        else:
            return "Select a feature, or an edge between two features, to decompose its input by head."
        node = circuit.graph.node_index.get(name) if circuit is not None else None
        if circuit is None or node is None:
            return "Select a single feature or an edge between two features, not a group."
        if circuit.graph.node(name).kind.is_leaf or circuit.graph.node(name).kind is NodeKind.MLP:
            return f"{name} is a source node without incoming edges. Select a feature, a head or a logit."
        self._offer_choices()
        if not self.is_qk:
            return ReadHeadChannels(attribution_query, name, source)
        head = "" if self.head_box.currentIndex() == 0 else self.head_box.currentText()
        query, key = self.query_box.currentIndex() - 1, self.key_box.currentIndex() - 1
        positions = (None if query < 0 else query, None if key < 0 else key)
        return ReadAttentionScore(attribution_query, name, source, head, *positions)

    def show_result(self) -> None:
        """Draw OV or QK."""
        self._show_controls()
        if self.result is None:
            return
        if hasattr(self.result, "heads"):
            self._show_channels(self.result)
        else:
            self._show_score(self.result)

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """The map and the bars."""
        half = "qk" if self.is_qk else "ov"
        return {f"features-{half}-map": self.heat_map, f"features-{half}-bars": self.chart}

    def inspect_arguments(self) -> list[str]:
        """Arguments that print the same numbers."""
        current_query = self.current_query()
        if isinstance(current_query, str) or not isinstance(
            current_query, ReadHeadChannels | ReadAttentionScore
        ):
            return ["features-ov"]
        arguments = [
            "features-qk" if isinstance(current_query, ReadAttentionScore) else "features-ov",
            "--node",
            current_query.node,
        ]
        if current_query.source is not None:
            arguments += ["--source", current_query.source]
        if isinstance(current_query, ReadAttentionScore):
            arguments += ["--head", current_query.head] if current_query.head else []
            arguments += [] if current_query.query is None else ["--query", str(current_query.query)]
            arguments += [] if current_query.key is None else ["--key", str(current_query.key)]
        return arguments

    # OV

    def _show_channels(self, channels: EdgeChannels) -> None:
        channel = next(
            (entry for entry in channels.heads if entry.head == self.head_box.currentText()),
            channels.strongest,
        )
        edge_text = channels.target if channels.source is None else f"{channels.source} → {channels.target}"
        if channels.edge is None:
            self.summary_line.setText(f"{edge_text}: input by head")
            through_head = f"through {channel.head}"
            shares = [
                (entry.name, entry.value, f"{entry.name} {through_head}: {signed_number(entry.value, 4)}")
                for entry in channel.sources
            ]
            axis = f"{through_head}: sum {signed_number(channel.total, 3)}"
        else:
            carriers = [
                entry for entry in channels.heads if entry.is_own_layer or not channels.is_through_heads
            ]
            shares = [self._channel_bar(entry, channels) for entry in carriers]
            if channels.is_through_heads:
                edge_value = signed_number(channels.edge, 4)
                self.summary_line.setText(f"{edge_text}: heads sum to the edge, {edge_value}")
                axis = f"share of the edge: sum {edge_value}"
            else:
                assert channels.direct is not None
                text = f"{edge_text}, direct through the residual stream: {signed_number(channels.direct, 4)}"
                shares.append(("residual", channels.direct, text))
                is_direct = abs(channels.direct - channels.edge) < 1e-9
                self.summary_line.setText(
                    f"{edge_text}: direct edge through the residual stream; heads add further paths"
                    if is_direct
                    else f"{edge_text}: the residual stream and heads without features sum to the edge, "
                    f"{signed_number(channels.edge, 4)}"
                )
                axis = "by each channel, directly"
            shares = sorted(shares, key=lambda entry: -abs(entry[1]))
        self.chart.draw_result("shares", {"shares": shares, "axis": axis})
        self.heat_map.show_grid(self._heads_grid(channels))

    def _channel_bar(self, head: HeadChannel, channels: EdgeChannels) -> tuple[str, float, str]:
        assert head.from_source is not None
        part = (
            f", {head.from_source / channels.edge:.0%} of the edge"
            if head.is_own_layer and channels.edge
            else ""
        )
        return (
            head.head,
            head.from_source,
            f"{channels.source} through {head.head}: {signed_number(head.from_source, 4)}{part}",
        )

    def _heads_grid(self, channels: EdgeChannels) -> HeatGrid:
        """Layer × head, the last layer on top."""
        layers = sorted({channel.layer for channel in channels.heads}, reverse=True)
        values = np.full((len(layers), 1 + max(channel.head_index for channel in channels.heads)), np.nan)
        nodes = [[""] * values.shape[1] for _ in layers]
        for channel in channels.heads:
            cell = layers.index(channel.layer), channel.head_index
            values[cell] = channel.total if channel.from_source is None else channel.from_source
            nodes[cell[0]][cell[1]] = channel.head
        source = "everything" if channels.source is None else channels.source

        def describe_cell(i: int, j: int) -> str:
            return f"{source} through {nodes[i][j]} to {channels.target}: {signed_number(values[i, j], 4)}"

        texts = [["" if np.isnan(v) else decimal_number(v, 2) for v in row] for row in values]
        columns = [f"h{j}" for j in range(values.shape[1])]
        return HeatGrid(
            [f"layer {layer}" for layer in layers],
            columns,
            values,
            "attribution",
            cell_texts=texts,
            describe_cell=describe_cell,
            cell_nodes=nodes,
            build_table=partial(channels_table, channels),
        )

    # QK

    def _show_score(self, score: AttentionScoreBreakdown) -> None:
        strings = dict(enumerate(self._prompt_tokens()))
        query, key = (f"“{visible_token(strings.get(i, ''))}”@{i}" for i in (score.query, score.key))
        attends = f"{score.head} attends from {query} to {key}"
        attention = decimal_number(score.pattern, 3)
        self.summary_line.setText(f"{attends}: score {signed_number(score.score, 3)}, attention {attention}")
        side = self.bars_box.currentText()
        if side == PAIRS_LABEL:
            pairs_sum = sum(value for _, _, value in score.pairs)
            shares = [
                (f"{a} · {b}", value, f"{a} × {b}: {signed_number(value, 4)}") for a, b, value in score.pairs
            ]
            axis = (
                f"{len(score.pairs)} pairs: {signed_number(pairs_sum, 2)} of {signed_number(score.score, 2)}"
            )
        else:
            side_values = score.by_query if side == QUERIES_LABEL else score.by_key
            shares = [
                (entry.name, entry.value, f"{entry.name}: {signed_number(entry.value, 4)}")
                for entry in side_values
            ]
            axis = f"{'query' if side == QUERIES_LABEL else 'key'} side: sum {signed_number(score.score, 3)}"
        self.chart.draw_result("shares", {"shares": shares, "axis": axis})
        values = np.array(score.values)

        def describe_cell(i: int, j: int) -> str:
            part = f"{signed_number(values[i, j], 4)} of {signed_number(score.score, 3)}"
            return f"{score.rows[i]} × {score.columns[j]}: {part}"

        self.heat_map.show_grid(
            HeatGrid(
                score.rows,
                score.columns,
                values,
                "attention score",
                describe_cell=describe_cell,
                cell_nodes=[[row] * len(score.columns) for row in score.rows],
                build_table=partial(score_table, score),
            )
        )

    # selection

    def _on_cell_chosen(self, row: int, column: int) -> None:
        """Choose the head of a cell; for a pair of nodes, select both."""
        grid = self.heat_map.grid
        if self.is_qk:
            self._select_nodes(grid.row_names[row], grid.column_names[column])
        else:
            self._choose_by_name(grid.node_of_cell(row, column))

    def _choose_by_name(self, name: str) -> None:
        """Choose the head, or select the nodes, that a bar or a cell represents."""
        if (index := self.head_box.findText(name)) > 0:
            self.head_box.setCurrentIndex(index)
            self.show_result()
        else:
            self._select_nodes(*name.split(" · "))

    def _select_nodes(self, *names: str) -> None:
        """Select the nodes of the circuit; show the dashboard of a feature outside it."""
        circuit = self.workspace.document.state.circuit
        circuit_nodes = set() if circuit is None else set(circuit.node_names)
        if selected := frozenset(names) & circuit_nodes:
            self.workspace.set_selection(selected, frozenset())
        for name in names:
            if feature := parse_feature_name(name):
                self.workspace.show_feature(feature.site, feature.feature)
                return

    def _on_place_chosen(self) -> None:
        """Update after another head or position was chosen; OV needs no new reading for it."""
        if self.is_qk:
            self.request_update()
        else:
            self.show_result()

    def _show_controls(self) -> None:
        for box in (self.query_box, self.key_box, self.bars_box):
            box.setVisible(self.is_qk)

    def _prompt_tokens(self) -> list[str]:
        scores = self.workspace.document.state.scores
        return [] if scores is None else list(scores.info.get("prompt", {}).get("strings", ()))

    def _offer_choices(self) -> None:
        """Offer heads and positions of the open prompt; choices for another prompt are reset."""
        circuit, strings = self.workspace.document.state.circuit, self._prompt_tokens()
        assert circuit is not None
        shape = circuit.graph.shape
        if self._offered_choices == (shape, strings):
            return
        self._offered_choices = (shape, strings)
        heads = [f"a{layer}.h{head}" for layer in range(shape.n_layers) for head in range(shape.n_heads)]
        places = [f"{i} {visible_token(text)}" for i, text in enumerate(strings)]
        offers = (
            (self.head_box, AUTO_HEAD, heads),
            (self.query_box, AUTO_QUERY, places),
            (self.key_box, AUTO_KEY, places),
        )
        for box, auto_text, choices in offers:
            box.clear()
            box.addItems([auto_text, *choices])
