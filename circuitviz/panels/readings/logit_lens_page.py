"""Logit lens of the residual stream at each layer and position, or of one node at each position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QLabel

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import reading_pages
from circuitviz.panels.readings.token_map_page import TokenMapPage
from circuitviz.panels.widgets.fields import choice_box
from circuitviz.panels.widgets.token_texts import ranked_token, visible_token
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_logit_lens import LogitLensReading, ReadLogitLens
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.lens import LensCell, TokenLogit

RESIDUAL_STREAM, SELECTED_NODE = "Residual stream", "Selected node"
BY_PROBABILITY = "probability of the top token"
BY_RANK = "rank of the answer"
BY_LOGIT_DIFFERENCE = "correct − incorrect logit"
UNIT_OF_COLOUR = {BY_PROBABILITY: "probability", BY_RANK: "1 / rank", BY_LOGIT_DIFFERENCE: "logits"}
N_NODE_TOKEN_RANKS = 10


@reading_pages.register(
    "lens", summary="logit lens of the residual stream or of one node", title="Logit lens", order=0
)
class LogitLensPage(TokenMapPage):
    """Layer × position, the last layer on top; a framed cell has a correct answer as its top token."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, "Logit lens")
        self.subject_box = choice_box("Residual stream or selected node", RESIDUAL_STREAM, SELECTED_NODE)
        self.colour_box = choice_box("Colour by", BY_PROBABILITY, BY_RANK, BY_LOGIT_DIFFERENCE)
        self.cells: list[list[tuple[LensCell, str]]] = []
        self.controls.addWidget(self.subject_box)
        self.controls.addWidget(QLabel("Colour", objectName="muted"))
        self.controls.addWidget(self.colour_box)
        self.controls.addStretch(1)
        self.lay_out_map()
        self.subject_box.activated.connect(lambda _i: self.request_update())
        self.colour_box.activated.connect(lambda _i: self.show_result())

    def current_query(self) -> Query | str:
        """Read the residual stream, or the selected node."""
        if self.subject_box.currentText() == RESIDUAL_STREAM:
            return ReadLogitLens("", self.workspace.prompt_index)
        node = self.selected_node()
        if node is None:
            return (
                "Select a head, an MLP, input or logits on the canvas to read its output with the logit lens."
            )
        return ReadLogitLens(node.name, self.workspace.prompt_index)

    def show_result(self) -> None:
        """Draw the lens."""
        lens: LogitLensReading | None = self.result
        self.hide_outdated_card(lens)
        if lens is not None:
            self.colour_box.setEnabled(not lens.grid.node)
            self.heat_map.show_grid(self._node_grid(lens) if lens.grid.node else self._stream_grid(lens))

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """The map."""
        return {"logit-lens": self.heat_map}

    def inspect_arguments(self) -> list[str]:
        """The lens of the residual stream, or of the node."""
        node = self.selected_node()
        node_arguments = (
            [] if self.subject_box.currentText() == RESIDUAL_STREAM or node is None else ["--node", node.name]
        )
        return ["lens", *node_arguments, "--prompt", str(self.workspace.prompt_index)]

    def open_cell(self, row: int, column: int) -> None:
        """Open a cell's tokens beside it, and select its node."""
        cell, title = self.cells[row][column]
        position = self.heat_map.mapTo(self, self.heat_map.cell_center(row, column).toPoint())
        self.token_card.open_at(position, title, cell.top, cell.answers)
        self.select_node(self.heat_map.grid.node_of_cell(row, column))

    def _stream_grid(self, lens: LogitLensReading) -> HeatGrid:
        grid, show = lens.grid, self.colour_box.currentText()
        places = range(len(grid.tokens))
        names, nodes, cells = grid.rows[::-1], grid.nodes[::-1], grid.cells[::-1]
        self.cells = [
            [(cells[i][j], f"{name}, at “{visible_token(grid.tokens[j])}”") for j in places]
            for i, name in enumerate(names)
        ]
        return HeatGrid(
            names,
            [visible_token(token) for token in grid.tokens],
            np.array([[_cell_value(cell, show) for cell in row] for row in cells], dtype=float),
            unit=UNIT_OF_COLOUR[show],
            is_signed=show == BY_LOGIT_DIFFERENCE,
            scale_limit=0.0 if show == BY_LOGIT_DIFFERENCE else 1.0,
            cell_texts=[[_cell_text(cell, show) for cell in row] for row in cells],
            describe_cell=lambda i, j: _describe_cell(*self.cells[i][j]),
            cell_nodes=[[node] * len(places) for node in nodes],
            framed_cells=_correct_cells([[cell.top[0] for cell in row] for row in cells]),
            build_table=lens.table,
        )

    def _node_grid(self, lens: LogitLensReading) -> HeatGrid:
        """A node's tokens by rank and position, as a single row of the lens would leave the page empty."""
        grid = lens.grid
        row = grid.cells[-1]
        self.cells = [
            [(cell, f"{grid.node}, at “{visible_token(grid.tokens[j])}”") for j, cell in enumerate(row)]
        ] * N_NODE_TOKEN_RANKS
        tokens = [[cell.top[rank] for cell in row] for rank in range(N_NODE_TOKEN_RANKS)]
        return HeatGrid(
            [f"{rank + 1}." for rank in range(N_NODE_TOKEN_RANKS)],
            [visible_token(token) for token in grid.tokens],
            np.array([[t.logit for t in line] for line in tokens]),
            unit="logit",
            is_signed=any(t.logit < 0 for line in tokens for t in line),
            cell_texts=[[ranked_token(t) for t in line] for line in tokens],
            describe_cell=lambda i, j: (
                f"{self.cells[i][j][1]}: {tokens[i][j].token!r} {signed_number(tokens[i][j].logit, 3)}"
            ),
            cell_nodes=[[grid.node] * len(row)] * N_NODE_TOKEN_RANKS,
            framed_cells=_correct_cells(tokens),
            build_table=lens.table,
        )


def _correct_cells(tokens: list[list[TokenLogit]]) -> frozenset[tuple[int, int]]:
    """Cells whose top token is a correct answer."""
    return frozenset(
        (i, j) for i, row in enumerate(tokens) for j, t in enumerate(row) if t.answer == "correct"
    )


def _cell_value(cell: LensCell, show: str) -> float:
    if show == BY_PROBABILITY:
        return cell.top[0].probability
    if show == BY_RANK:
        return 1 / (cell.rank + 1)
    return float("nan") if cell.logit_diff is None else cell.logit_diff


def _cell_text(cell: LensCell, show: str) -> str:
    return f"{cell.rank + 1:,}" if show == BY_RANK else ranked_token(cell.top[0])


def _describe_cell(cell: LensCell, title: str) -> str:
    first = cell.top[0]
    probability = decimal_number(first.probability, 3)
    text = f"{title}: {first.token!r} {probability}, rank of the answer {cell.rank + 1:,}"
    return (
        text
        if cell.logit_diff is None
        else f"{text}, correct − incorrect {signed_number(cell.logit_diff, 3)}"
    )
