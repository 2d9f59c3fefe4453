"""Attention of the selected head over the prompt, beside all heads of its layer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from circuitviz.graph import NodeKind
from circuitviz.number_text import decimal_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.inspector.attention_map import AttentionMap
from circuitviz.panels.readings.attention_thumbnails import AttentionThumbnails
from circuitviz.panels.readings.registry import ReadingPage, reading_pages
from circuitviz.panels.readings.token_text import TokenText
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import choice_box
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_attention import ReadAttention, attention_table, attention_tokens
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.lens import LayerAttention

SIDE_OF_LABEL = {"clean": "clean", "corrupted": "corrupted", "clean − corrupted": "difference"}


@reading_pages.register("attention", summary="attention patterns", title="Attention", order=1)
class AttentionPage(ReadingPage):
    """Map, text and thumbnails of the same patterns; a query reads all heads of the layer."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.side_box = choice_box("Clean or corrupted prompt", *SIDE_OF_LABEL)
        self.weighted_box = QCheckBox(
            "weighted by value size", toolTip="multiply each weight by the norm of its value vector"
        )
        self.heat_map = AttentionMap("Attention pattern", min_row_height=6.0)
        self.token_text = TokenText()
        self.thumbnails = AttentionThumbnails()
        self.summary_line = ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.controls.addWidget(self.side_box)
        self.controls.addWidget(self.weighted_box)
        self.controls.addWidget(self.summary_line, 1)
        right = lay_out_column(self.token_text, (self.thumbnails, 1), spacing=6, margins=(0, 2, 12, 0))
        lay_out_row((self.heat_map, 9), (right, 11), parent=self.content, spacing=10, margins=(12, 0, 0, 0))
        self.side_box.activated.connect(lambda _i: self.show_result())
        self.weighted_box.toggled.connect(lambda _on: self.show_result())
        self.heat_map.query_changed.connect(self._show_row)
        self.follow_heat_map(self.heat_map, selects_nodes=False)
        self.token_text.token_hovered.connect(self._read_token_row)
        self.token_text.token_chosen.connect(self.heat_map.toggle_lock)
        self.token_text.escape_pressed.connect(self.heat_map.unlock)
        self.thumbnails.head_chosen.connect(lambda head: self.select_node(f"a{self.result.layer}.h{head}"))

    def current_query(self) -> Query | str:
        """Read all heads of the selected head's layer."""
        node = self.selected_node()
        if node is None or node.kind is not NodeKind.HEAD or node.layer is None:
            return "Select a head on the canvas to see its attention pattern."
        return ReadAttention(node.layer, self.workspace.prompt_index)

    def mark_selection(self) -> None:
        """Show another head of the same layer, which was read with it."""
        super().mark_selection()
        if self.result is not None:
            self.show_result()

    def show_result(self) -> None:
        """Draw the selected head's pattern."""
        attention: LayerAttention | None = self.result
        node = self.selected_node()
        if attention is None or node is None or node.head is None or node.layer != attention.layer:
            return
        side, weighted = SIDE_OF_LABEL[self.side_box.currentText()], self.weighted_box.isChecked()
        maps, signed = attention.patterns(side, weighted), side == "difference"
        tokens = attention_tokens(attention, side)
        limit = float(np.abs(maps).max()) if signed else 1.0
        names = [f"a{attention.layer}.h{head}" for head in range(len(maps))]
        limit_text = f"±{decimal_number(limit, 2)}" if signed else "1"
        self.summary_line.setText(f"{node.name}, colour scale up to {limit_text}")
        build_layer_table, build_head_table = (
            partial(attention_table, attention, side, weighted, head) for head in (None, node.head)
        )
        self.thumbnails.show_patterns(names, maps, limit, node.head, build_layer_table)
        self.heat_map.show_pattern(
            tokens, maps[node.head], is_signed=signed, limit=limit, table=build_head_table
        )

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """The map of the head and those of all heads."""
        if self.result is None:
            return {}
        return {
            self.summary_line.text().split(",")[0]: self.heat_map,
            f"layer-{self.result.layer}": self.thumbnails,
        }

    def inspect_arguments(self) -> list[str]:
        """The attention of the head, weighted as shown."""
        node = self.selected_node()
        words = [
            "attention",
            "--node",
            node.name if node else "",
            "--prompt",
            str(self.workspace.prompt_index),
        ]
        words += ["--side", SIDE_OF_LABEL[self.side_box.currentText()]]
        return [*words, "--weighted"] if self.weighted_box.isChecked() else words

    def _read_token_row(self, token: int) -> None:
        if token >= 0:
            self.heat_map.show_query(token)
        elif not self.heat_map.is_locked:
            self.heat_map.unlock()

    def _show_row(self, query: int) -> None:
        if 0 <= query < len(self.heat_map.pattern):
            row = self.heat_map.pattern[query].tolist()
            self.token_text.show_row(
                self.heat_map.tokens, row, query, self.heat_map.grid.scale_end, self.heat_map.is_locked
            )
