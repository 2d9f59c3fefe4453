"""Logit lens: what would be said at each layer and position, or what one node says at each position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QLabel

from circuitviz.canvas.theme import Theme
from circuitviz.jobs import LensOf, LensSeen, Look
from circuitviz.panels.desk import Desk
from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.heat.paint import shown
from circuitviz.panels.readings.card import TokenCard
from circuitviz.panels.readings.registry import Page, choice, pages
from circuitviz.panels.saving import Plotted

if TYPE_CHECKING:
    from circuitviz.lens import LensCell, TokenLogit

STREAM, NODE = "Residual stream", "Selected node"
PROBABILITY, RANK, APART = "probability of the top token", "rank of the answer", "correct − incorrect logit"
UNITS = {PROBABILITY: "probability", RANK: "1 / rank", APART: "logits"}
RANKS = 10


@pages.register("lens", summary="layers × positions, or one node", title="Logit lens", order=0)
class LensPage(Page):
    """The last layer is on top, as on the canvas; a frame: the first token is a correct answer."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.subject = choice("What is read", STREAM, NODE)
        self.colour = choice("Colours show", PROBABILITY, RANK, APART)
        self.map = HeatMap("Logit lens", least=17.0)
        self.card = TokenCard(self)
        self._drawn: LensSeen | None = None
        self.cells: list[list[tuple[LensCell, str]]] = []
        self.bar.addWidget(self.subject)
        self.bar.addWidget(QLabel("Colour", objectName="muted"))
        self.bar.addWidget(self.colour)
        self.bar.addStretch(1)
        inside = QHBoxLayout(self.body)
        inside.setContentsMargins(12, 0, 0, 0)
        inside.addWidget(self.map)
        self.subject.activated.connect(lambda _i: self.follow())
        self.colour.activated.connect(lambda _i: self.show_result())
        self.map.pointed.connect(lambda *place: self.read.emit(self.map.grid.say(*place)))
        self.map.chosen.connect(self.open_cell)
        self.map.escaped.connect(self.card.hide)

    def wanted(self) -> Look | str:
        """The stream, or the selected node."""
        if self.subject.currentText() == STREAM:
            return LensOf("", self.desk.prompt)
        node = self.node()
        if node is None:
            return "Select a head, an MLP, input or logits on the canvas to read what it says."
        return LensOf(node.name, self.desk.prompt)

    def show_result(self) -> None:
        """Draw the lens that is here."""
        seen: LensSeen | None = self.result
        if seen is not self._drawn:
            self.card.hide()
            self._drawn = seen
        if seen is not None:
            self.colour.setEnabled(not seen.grid.node)
            self.map.show_grid(self._one(seen) if seen.grid.node else self._stream(seen))

    def pictures(self) -> Mapping[str, Plotted]:
        """One map."""
        return {"logit-lens": self.map}

    def command(self) -> list[str]:
        """The stream's lens, or a node's."""
        node = self.node()
        named = [] if self.subject.currentText() == STREAM or node is None else ["--node", node.name]
        return ["lens", *named, "--prompt", str(self.desk.prompt)]

    def set_theme(self, theme: Theme) -> None:
        """Colours of the card, too."""
        self.card.theme = theme
        super().set_theme(theme)

    def open_cell(self, row: int, column: int) -> None:
        """Open a cell's tokens beside it, and select its node."""
        cell, title = self.cells[row][column]
        at = self.map.mapTo(self, self.map.centre_of(row, column).toPoint())
        self.card.open(at, title, cell.top, cell.answers, self.result.correct)
        self.choose(self.map.grid.node(row, column))

    def _stream(self, seen: LensSeen) -> HeatGrid:
        grid, show = seen.grid, self.colour.currentText()
        places = range(len(grid.tokens))
        names, nodes, cells = grid.rows[::-1], grid.nodes[::-1], grid.cells[::-1]
        self.cells = [
            [(cells[i][j], f"{name}, at “{shown(grid.tokens[j])}”") for j in places]
            for i, name in enumerate(names)
        ]
        return HeatGrid(
            names,
            [shown(token) for token in grid.tokens],
            np.array([[_value(cell, show) for cell in row] for row in cells], dtype=float),
            unit=UNITS[show],
            signed=show == APART,
            limit=0.0 if show == APART else 1.0,
            texts=[[_text(cell, show) for cell in row] for row in cells],
            told=lambda i, j: _told(*self.cells[i][j]),
            nodes=[[node] * len(places) for node in nodes],
            strong=_framed([[cell.top[0] for cell in row] for row in cells], seen),
            table=seen.table,
        )

    def _one(self, seen: LensSeen) -> HeatGrid:
        """A node's tokens by rank and position: a single row would waste the page."""
        grid = seen.grid
        row = grid.cells[-1]
        self.cells = [
            [(cell, f"{grid.node}, at “{shown(grid.tokens[j])}”") for j, cell in enumerate(row)]
        ] * RANKS
        tokens = [[cell.top[rank] for cell in row] for rank in range(RANKS)]
        return HeatGrid(
            [f"{rank + 1}." for rank in range(RANKS)],
            [shown(token) for token in grid.tokens],
            np.array([[t.logit for t in line] for line in tokens]),
            unit="logit",
            signed=any(t.logit < 0 for line in tokens for t in line),
            texts=[[shown(t.token) for t in line] for line in tokens],
            told=lambda i, j: f"{self.cells[i][j][1]}: {tokens[i][j].token!r} {tokens[i][j].logit:+.3f}",
            nodes=[[grid.node] * len(row)] * RANKS,
            strong=_framed(tokens, seen),
            table=seen.table,
        )


def _framed(tokens: list[list[TokenLogit]], seen: LensSeen) -> frozenset[tuple[int, int]]:
    """Places whose token is a correct answer."""
    return frozenset(
        (i, j) for i, row in enumerate(tokens) for j, t in enumerate(row) if t.token in seen.correct
    )


def _value(cell: LensCell, show: str) -> float:
    if show == PROBABILITY:
        return cell.top[0].probability
    if show == RANK:
        return 1 / (cell.rank + 1)
    return float("nan") if cell.apart is None else cell.apart


def _text(cell: LensCell, show: str) -> str:
    return f"{cell.rank + 1:,}" if show == RANK else shown(cell.top[0].token)


def _told(cell: LensCell, title: str) -> str:
    first = cell.top[0]
    text = f"{title}: {first.token!r} {first.probability:.3f}, the answer's rank {cell.rank + 1:,}"
    return text if cell.apart is None else f"{text}, correct − incorrect {cell.apart:+.3f}"
