"""Direct logit attribution of every node: sorted bars, and layer × head as papers print it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt

from circuitviz.graph import NodeKind
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import ALL_PROMPTS, ONE_PROMPT, ReadingPage, reading_pages
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import choice_box
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_direct_effects import DirectEffects, ReadDirectEffects
from circuitviz.workspace.workspace import Workspace


@reading_pages.register("effects", summary="direct logit attribution", title="Direct effects", order=2)
class DirectEffectsPage(ReadingPage):
    """Direct contribution of each node to correct − incorrect logits at the answer position."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.scope_box = choice_box("Prompts", ALL_PROMPTS, ONE_PROMPT)
        self.summary_line = ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.chart = ChartView("Direct effects, sorted")
        self.heat_map = HeatMap("Direct effects by layer and head")
        self.controls.addWidget(self.scope_box)
        self.controls.addWidget(self.summary_line, 1)
        lay_out_row(
            (self.chart, 10), (self.heat_map, 11), parent=self.content, spacing=10, margins=(8, 0, 0, 0)
        )
        self.scope_box.activated.connect(lambda _i: self.request_update())
        self.follow_chart(self.chart)
        self.follow_heat_map(self.heat_map)

    def current_query(self) -> Query | str:
        """Read one prompt, or all."""
        return ReadDirectEffects(
            self.workspace.prompt_index if self.scope_box.currentText() == ONE_PROMPT else None
        )

    def show_result(self) -> None:
        """Draw bars and map."""
        effects: DirectEffects | None = self.result
        if effects is None:
            return
        nodes = [
            {"node": name, "value": effect.value, "low": effect.low, "high": effect.high}
            for name, effect in effects.effects.items()
        ]
        total = sum(effect.value or 0.0 for effect in effects.effects.values())
        self.summary_line.setText(f"all nodes together {signed_number(total, 3)}; LayerNorm scale frozen")
        self.chart.draw_result("effects", {"nodes": nodes})
        self.heat_map.show_grid(self._heat_grid(effects))

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """Bars and map."""
        return {"direct-effects-bars": self.chart, "direct-effects-map": self.heat_map}

    def inspect_arguments(self) -> list[str]:
        """All nodes' effects on one prompt or all."""
        prompt = str(self.workspace.prompt_index) if self.scope_box.currentText() == ONE_PROMPT else "all"
        return ["effects", "--prompt", prompt]

    def _heat_grid(self, effects: DirectEffects) -> HeatGrid:
        """Layer × head, the last layer on top; the last column is the MLP."""
        shape = effects.graph.shape
        columns = [f"h{head}" for head in range(shape.n_heads)] + (["mlp"] if shape.mlp else [])
        values = np.full((shape.n_layers, len(columns)), np.nan)
        nodes = [[""] * len(columns) for _ in range(shape.n_layers)]
        for name, effect in effects.effects.items():
            node = effects.graph.node(name)
            if node.layer is None or effect.value is None:
                continue
            row = shape.n_layers - 1 - node.layer
            column = shape.n_heads if node.kind is NodeKind.MLP else node.head
            assert column is not None
            values[row, column], nodes[row][column] = effect.value, name

        def describe_cell(i: int, j: int) -> str:
            return f"{nodes[i][j]}: {signed_number(values[i, j], 4)} logits"

        rows = [f"layer {layer}" for layer in reversed(range(shape.n_layers))]
        texts = [[decimal_number(value, 1) for value in row] for row in values.tolist()]
        unit = "logits, correct − incorrect"
        return HeatGrid(
            rows,
            columns,
            values,
            unit,
            cell_texts=texts,
            describe_cell=describe_cell,
            cell_nodes=nodes,
            build_table=effects.table,
        )
