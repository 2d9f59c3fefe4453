"""The base class of pages with one heat map, whose cells open a card of tokens."""

from __future__ import annotations

from circuitviz.panels.readings.registry import ReadingPage
from circuitviz.panels.readings.token_card import TokenCard
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.workspace.workspace import Workspace


class TokenMapPage(ReadingPage):
    """A click on a cell opens its tokens beside it; Escape closes them, and so does another reading."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(workspace)
        self.heat_map = HeatMap(name, min_row_height=17.0)
        self.token_card = TokenCard(self)
        self._drawn: tuple[object, str] = (None, "")

    def lay_out_map(self) -> None:
        """Put the map below the page's controls, which are there by now and come first for Tab."""
        lay_out_row(self.heat_map, parent=self.content, margins=(12, 0, 0, 0))
        self.follow_heat_map(self.heat_map, selects_nodes=False)
        self.heat_map.cell_chosen.connect(self.open_cell)
        self.heat_map.escape_pressed.connect(self.token_card.hide)

    def open_cell(self, row: int, column: int) -> None:
        """Open the tokens of a cell."""
        raise NotImplementedError

    def hide_outdated_card(self, result: object, view: str = "") -> None:
        """Close the card where another result, or another view of it, is drawn than before."""
        if result is not self._drawn[0] or view != self._drawn[1]:
            self.token_card.hide()
            self._drawn = (result, view)
