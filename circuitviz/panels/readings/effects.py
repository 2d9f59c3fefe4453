"""Direct logit attribution of every node: sorted bars, and layer × head as papers print it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.graph import Kind
from circuitviz.jobs import EffectsOf, EffectsSeen, Look
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.line import Line
from circuitviz.panels.readings.registry import Page, choice, pages
from circuitviz.panels.saving import Plotted

ONE, ALL = "This prompt", "Mean over all prompts"


@pages.register("effects", summary="direct logit attribution", title="Direct effects", order=2)
class EffectsPage(Page):
    """The shares of correct − incorrect logits that nodes write at the answer position themselves."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.scope = choice("Which prompts", ALL, ONE)
        self.about = Line(Qt.AlignmentFlag.AlignRight)
        self.chart = Chart()
        self.chart.setAccessibleName("Direct effects, sorted")
        self.map = HeatMap("Direct effects by layer and head")
        self.bar.addWidget(self.scope)
        self.bar.addWidget(self.about, 1)
        inside = QHBoxLayout(self.body, spacing=10)
        inside.setContentsMargins(8, 0, 0, 0)
        inside.addWidget(self.chart, 10)
        inside.addWidget(self.map, 11)
        self.scope.activated.connect(lambda _i: self.follow())
        self.chart.pointed.connect(self.read)
        self.chart.clicked.connect(lambda nodes: self.choose(nodes[0]))
        self.map.pointed.connect(lambda *place: self.read.emit(self.map.grid.say(*place)))
        self.map.chosen.connect(lambda *place: self.choose(self.map.grid.node(*place)))

    def wanted(self) -> Look | str:
        """One prompt, or all."""
        return EffectsOf(self.desk.prompt if self.scope.currentText() == ONE else None)

    def show_result(self) -> None:
        """Draw bars and map."""
        seen: EffectsSeen | None = self.result
        if seen is None:
            return
        nodes = [
            {"node": name, "value": found.value, "low": found.low, "high": found.high}
            for name, found in seen.effects.items()
        ]
        total = sum(found.value or 0.0 for found in seen.effects.values())
        self.about.setText(f"all nodes together {total:+.3f}; layer normalisation's scale as in the run")
        self.chart.draw("effects", {"nodes": nodes})
        self.map.show_grid(self._grid(seen))

    def pictures(self) -> Mapping[str, Plotted]:
        """Bars and map."""
        return {"direct-effects-bars": self.chart, "direct-effects-map": self.map}

    def command(self) -> list[str]:
        """All nodes' effects on one prompt or all."""
        prompt = str(self.desk.prompt) if self.scope.currentText() == ONE else "all"
        return ["effects", "--prompt", prompt]

    def set_theme(self, theme: Theme) -> None:
        """Colours of the bars, too."""
        self.chart.theme = theme
        super().set_theme(theme)

    def _grid(self, seen: EffectsSeen) -> HeatGrid:
        """Layers from the top down, as on the canvas; the last column is the MLP."""
        shape = seen.graph.shape
        columns = [f"h{head}" for head in range(shape.n_heads)] + (["mlp"] if shape.mlp else [])
        values = np.full((shape.n_layers, len(columns)), np.nan)
        nodes = [[""] * len(columns) for _ in range(shape.n_layers)]
        for name, found in seen.effects.items():
            node = seen.graph.node(name)
            if node.layer is None or found.value is None:
                continue
            row = shape.n_layers - 1 - node.layer
            column = shape.n_heads if node.kind is Kind.MLP else node.head
            assert column is not None
            values[row, column], nodes[row][column] = found.value, name

        def told(i: int, j: int) -> str:
            return f"{nodes[i][j]}: {values[i, j]:+.4f} logits"

        rows = [f"layer {layer}" for layer in reversed(range(shape.n_layers))]
        texts = [[f"{value:.1f}".replace("-0.0", "0.0") for value in row] for row in values.tolist()]
        unit = "logits, correct − incorrect"
        return HeatGrid(rows, columns, values, unit, texts=texts, told=told, nodes=nodes, table=seen.table)
