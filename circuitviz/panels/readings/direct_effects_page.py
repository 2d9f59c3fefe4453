"""Direct logit attribution of every node: sorted bars, and layer × head as papers print it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from circuitviz.graph import NodeKind
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import ReadingPage, choice_box, reading_pages
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.scene.theme import Theme
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_direct_effects import DirectEffects, ReadDirectEffects
from circuitviz.workspace.workspace import Workspace

ONE_PROMPT, ALL_PROMPTS = "This prompt", "Mean over all prompts"


@reading_pages.register("effects", summary="direct logit attribution", title="Direct effects", order=2)
class DirectEffectsPage(ReadingPage):
    """Direct contribution of each node to correct − incorrect logits at the answer position."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.scope_box = choice_box("Prompts", ALL_PROMPTS, ONE_PROMPT)
        self.summary_line = ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.chart = ChartView()
        self.chart.setAccessibleName("Direct effects, sorted")
        self.heat_map = HeatMap("Direct effects by layer and head")
        self.controls.addWidget(self.scope_box)
        self.controls.addWidget(self.summary_line, 1)
        inside = QHBoxLayout(self.content, spacing=10)
        inside.setContentsMargins(8, 0, 0, 0)
        inside.addWidget(self.chart, 10)
        inside.addWidget(self.heat_map, 11)
        self.scope_box.activated.connect(lambda _i: self.request_update())
        self.chart.hover_text_changed.connect(self.hover_text_changed)
        self.chart.nodes_clicked.connect(lambda nodes: self.select_node(nodes[0]))
        self.heat_map.cell_hovered.connect(
            lambda *place: self.hover_text_changed.emit(self.heat_map.grid.cell_description(*place))
        )
        self.heat_map.cell_chosen.connect(
            lambda *place: self.select_node(self.heat_map.grid.node_of_cell(*place))
        )

    def current_query(self) -> Query | str:
        """Read one prompt, or all."""
        return ReadDirectEffects(
            self.workspace.prompt_index if self.scope_box.currentText() == ONE_PROMPT else None
        )

    def show_result(self) -> None:
        """Draw bars and map."""
        seen: DirectEffects | None = self.result
        if seen is None:
            return
        nodes = [
            {"node": name, "value": found.value, "low": found.low, "high": found.high}
            for name, found in seen.effects.items()
        ]
        total = sum(found.value or 0.0 for found in seen.effects.values())
        self.summary_line.setText(f"all nodes together {total:+.3f}; LayerNorm scale frozen")
        self.chart.draw_result("effects", {"nodes": nodes})
        self.heat_map.show_grid(self._heat_grid(seen))

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """Bars and map."""
        return {"direct-effects-bars": self.chart, "direct-effects-map": self.heat_map}

    def inspect_arguments(self) -> list[str]:
        """All nodes' effects on one prompt or all."""
        prompt = str(self.workspace.prompt_index) if self.scope_box.currentText() == ONE_PROMPT else "all"
        return ["effects", "--prompt", prompt]

    def set_theme(self, theme: Theme) -> None:
        """Use the colours in the bars, too."""
        self.chart.theme = theme
        super().set_theme(theme)

    def _heat_grid(self, seen: DirectEffects) -> HeatGrid:
        """Layer × head, the last layer on top; the last column is the MLP."""
        shape = seen.graph.shape
        columns = [f"h{head}" for head in range(shape.n_heads)] + (["mlp"] if shape.mlp else [])
        values = np.full((shape.n_layers, len(columns)), np.nan)
        nodes = [[""] * len(columns) for _ in range(shape.n_layers)]
        for name, found in seen.effects.items():
            node = seen.graph.node(name)
            if node.layer is None or found.value is None:
                continue
            row = shape.n_layers - 1 - node.layer
            column = shape.n_heads if node.kind is NodeKind.MLP else node.head
            assert column is not None
            values[row, column], nodes[row][column] = found.value, name

        def told(i: int, j: int) -> str:
            return f"{nodes[i][j]}: {values[i, j]:+.4f} logits"

        rows = [f"layer {layer}" for layer in reversed(range(shape.n_layers))]
        texts = [[f"{value:.1f}".replace("-0.0", "0.0") for value in row] for row in values.tolist()]
        unit = "logits, correct − incorrect"
        return HeatGrid(
            rows,
            columns,
            values,
            unit,
            cell_texts=texts,
            describe_cell=told,
            cell_nodes=nodes,
            build_table=seen.table,
        )
