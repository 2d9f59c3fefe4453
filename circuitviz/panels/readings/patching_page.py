"""Activation patching: the loss of the metric when a node is replaced at one position."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea

from circuitviz.number_text import signed_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import ALL_PROMPTS, ONE_PROMPT, ReadingPage, reading_pages
from circuitviz.panels.registry import is_part_in_view
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import choice_box
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_patching_map import PatchingMap, ReadPatchingMap
from circuitviz.workspace.workspace import Workspace

STRONGEST_NODES, CIRCUIT_NODES, ALL_NODES = "24 strongest nodes", "the circuit's nodes", "all nodes"
MAX_STRONGEST_NODES = 24


@reading_pages.register("patching", summary="activation patching, node × position", title="Patching", order=3)
class PatchingPage(ReadingPage):
    """Rows are nodes, the last layer on top; columns are positions. Filled in as results arrive."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.scope_box = choice_box("Prompts", ONE_PROMPT, ALL_PROMPTS)
        self.rows_box = choice_box("Nodes to show", STRONGEST_NODES, CIRCUIT_NODES, ALL_NODES)
        self.summary_line = ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.heat_map = HeatMap(
            "Activation patching by node and position", min_row_height=14.0, max_row_height=22.0
        )
        self.controls.addWidget(self.scope_box)
        self.controls.addWidget(self.rows_box)
        self.controls.addWidget(self.summary_line, 1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(self.heat_map)
        lay_out_column(scroll, parent=self.content, margins=(12, 0, 0, 0))
        self.scope_box.activated.connect(lambda _i: self.request_update())
        self.rows_box.activated.connect(lambda _i: self.show_result())
        self.follow_heat_map(self.heat_map)
        workspace.state_changed.connect(self._on_state_changed)

    def current_query(self) -> Query | str:
        """Read one prompt, or all."""
        return ReadPatchingMap(
            self.workspace.prompt_index if self.scope_box.currentText() == ONE_PROMPT else None
        )

    def show_result(self) -> None:
        """Draw the results so far."""
        patching_map: PatchingMap | None = self.result
        if patching_map is not None:
            self.summary_line.setText(f"loss of {patching_map.metric}, {patching_map.ablation} values")
            self.heat_map.show_grid(self._heat_grid(patching_map))
            self.mark_selection()

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """The map."""
        return {"patching-map": self.heat_map}

    def inspect_arguments(self) -> list[str]:
        """All nodes at all positions, on one prompt or all."""
        prompt = str(self.workspace.prompt_index) if self.scope_box.currentText() == ONE_PROMPT else "all"
        return ["patching", "--prompt", prompt]

    def _on_state_changed(self) -> None:
        if is_part_in_view(self) and self.rows_box.currentText() == CIRCUIT_NODES:
            self.show_result()

    def _row_indices(self, result: PatchingMap) -> list[int]:
        """Nodes to be shown, the last ones of the model first."""
        circuit, rows_choice = self.workspace.state.circuit, self.rows_box.currentText()
        chosen = range(len(result.node_names))
        if rows_choice == STRONGEST_NODES:
            strength = np.maximum(np.abs(result.effects).max(axis=1), np.abs(result.whole))
            chosen = sorted(np.argsort(-strength)[:MAX_STRONGEST_NODES].tolist())  # type: ignore[assignment]
        elif rows_choice == CIRCUIT_NODES and circuit is not None:
            circuit_nodes = set(circuit.node_names)
            chosen = [i for i in chosen if result.node_names[i] in circuit_nodes]  # type: ignore[assignment]
        return list(reversed(chosen))

    def _heat_grid(self, result: PatchingMap) -> HeatGrid:
        rows = self._row_indices(result)
        tokens = [visible_token(token) for token in result.tokens]

        def describe_cell(i: int, j: int) -> str:
            row = rows[i]
            at = f"{result.node_names[row]} at {j} “{tokens[j]}”: {signed_number(result.effects[row, j], 4)}"
            return f"{at}; at all positions {signed_number(result.whole[row], 4)}"

        nodes = np.abs(result.effects[[i for i in rows if result.node_names[i] != "input"]])
        return HeatGrid(
            [result.node_names[i] for i in rows],
            tokens,
            result.effects[rows],
            unit=f"{result.metric} lost",
            scale_limit=float(nodes.max(initial=0.0)),  # all goes through the input; it would pale the others
            describe_cell=describe_cell,
            cell_nodes=[[result.node_names[i]] * len(tokens) for i in rows],
            build_table=partial(result.table, rows),
        )
