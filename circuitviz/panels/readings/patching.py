"""The patching map: what the metric loses when a node is replaced at one position."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout

from circuitviz.jobs import Look, PatchingOf, PatchingSeen
from circuitviz.panels.desk import Desk
from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.heat.paint import shown
from circuitviz.panels.line import Line
from circuitviz.panels.readings.registry import Page, choice, pages
from circuitviz.panels.registry import in_sight
from circuitviz.panels.saving import Plotted

ONE, ALL = "This prompt", "Mean over all prompts"
STRONGEST, CIRCUIT, EVERY = "24 strongest nodes", "the circuit's nodes", "all nodes"
MOST = 24


@pages.register("patching", summary="activation patching, node × position", title="Patching", order=3)
class PatchingPage(Page):
    """Rows are nodes, the last layer on top; columns are positions. The map fills as it is computed."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.scope = choice("Which prompts", ONE, ALL)
        self.which = choice("Which nodes", STRONGEST, CIRCUIT, EVERY)
        self.about = Line(Qt.AlignmentFlag.AlignRight)
        self.map = HeatMap("Activation patching by node and position", least=14.0, most=22.0)
        self.bar.addWidget(self.scope)
        self.bar.addWidget(self.which)
        self.bar.addWidget(self.about, 1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(self.map)
        inside = QVBoxLayout(self.body)
        inside.setContentsMargins(12, 0, 0, 0)
        inside.addWidget(scroll)
        self.scope.activated.connect(lambda _i: self.follow())
        self.which.activated.connect(lambda _i: self.show_result())
        self.map.pointed.connect(lambda *place: self.read.emit(self.map.grid.say(*place)))
        self.map.chosen.connect(lambda *place: self.choose(self.map.grid.node(*place)))
        desk.state_changed.connect(self._state_changed)

    def wanted(self) -> Look | str:
        """One prompt, or all."""
        return PatchingOf(self.desk.prompt if self.scope.currentText() == ONE else None)

    def show_result(self) -> None:
        """Draw what is known so far."""
        seen: PatchingSeen | None = self.result
        if seen is not None:
            self.about.setText(f"loss of {seen.metric}, {seen.ablation} values")
            self.map.show_grid(self._grid(seen))
            self.mark()

    def pictures(self) -> Mapping[str, Plotted]:
        """One map."""
        return {"patching-map": self.map}

    def command(self) -> list[str]:
        """All nodes at all positions, on one prompt or all."""
        prompt = str(self.desk.prompt) if self.scope.currentText() == ONE else "all"
        return ["patching", "--prompt", prompt]

    def _state_changed(self) -> None:
        if in_sight(self) and self.which.currentText() == CIRCUIT:
            self.show_result()

    def _rows(self, seen: PatchingSeen) -> list[int]:
        """Nodes to be shown, the last ones of the model first."""
        circuit, which = self.desk.state.circuit, self.which.currentText()
        chosen = range(len(seen.names))
        if which == STRONGEST:
            strength = np.maximum(np.abs(seen.effects).max(axis=1), np.abs(seen.whole))
            chosen = sorted(np.argsort(-strength)[:MOST].tolist())  # type: ignore[assignment]
        elif which == CIRCUIT and circuit is not None:
            inside = set(circuit.node_names)
            chosen = [i for i in chosen if seen.names[i] in inside]  # type: ignore[assignment]
        return list(reversed(chosen))

    def _grid(self, seen: PatchingSeen) -> HeatGrid:
        rows = self._rows(seen)
        tokens = [shown(token) for token in seen.tokens]

        def told(i: int, j: int) -> str:
            row = rows[i]
            at = f"{seen.names[row]} at {j} “{tokens[j]}”: {seen.effects[row, j]:+.4f}"
            return f"{at}; at all positions {seen.whole[row]:+.4f}"

        nodes = np.abs(seen.effects[[i for i in rows if seen.names[i] != "input"]])
        return HeatGrid(
            [seen.names[i] for i in rows],
            tokens,
            seen.effects[rows],
            unit=f"{seen.metric} lost",
            limit=float(nodes.max(initial=0.0)),  # all goes through the input; it would pale the others
            told=told,
            nodes=[[seen.names[i]] * len(tokens) for i in rows],
            table=partial(seen.table, rows),
        )
