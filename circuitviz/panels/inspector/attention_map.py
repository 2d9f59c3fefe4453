"""Attention pattern of one head as a heat map over tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Signal

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.plots import TableRows
from circuitviz.shapes.heat_grid import HeatGrid


class AttentionMap(HeatMap):
    """Rows are queries, columns keys. Hovering shows a query's row, a click locks it, Escape unlocks it."""

    query_changed = Signal(int)

    def __init__(
        self, name: str = "Attention pattern", *, show_scale: bool = False, min_row_height: float = 13.0
    ) -> None:
        super().__init__(
            name, show_scale=show_scale, square_cells=True, min_row_height=min_row_height, max_row_height=30.0
        )
        self.tokens: Sequence[str] = ()
        self.pattern: NDArray[Any] = np.zeros((0, 0))
        self.query = -1
        self.is_locked = False
        self.cell_hovered.connect(self._on_hover)
        self.cell_chosen.connect(self._on_click)
        self.escape_pressed.connect(self.unlock)

    def show_pattern(
        self,
        tokens: Sequence[str],
        pattern: Any,
        *,
        is_signed: bool = False,
        limit: float = 1.0,
        table: Callable[[], TableRows] = list,
    ) -> None:
        """Show attention weights.

        Args:
            tokens: Token strings [pos].
            pattern: Weights [query, key]; entries above the diagonal are left blank.
            is_signed: Whether the weights are differences of two patterns.
            limit: Weight at the end of the colour scale.
            table: Returns the rows of the exported table.
        """
        if list(tokens) != list(self.tokens):
            self.is_locked, self.query = False, len(tokens) - 1
        self.tokens, self.pattern = tokens, np.asarray(pattern)
        names = [visible_token(token) for token in tokens]
        visible = np.where(np.tril(np.ones_like(self.pattern, dtype=bool)), self.pattern, np.nan)

        def describe_cell(i: int, j: int) -> str:
            weight = self.pattern[i, j]
            if is_signed:
                return f"“{names[i]}” attends {signed_number(weight, 3)} more to “{names[j]}”"
            return f"“{names[i]}” attends to “{names[j]}”: {decimal_number(weight, 3)}"

        unit = "difference of attention" if is_signed else "attention"
        self.show_grid(
            HeatGrid(
                names, names, visible, unit, is_signed, limit, describe_cell=describe_cell, build_table=table
            )
        )
        self._set_query(self.query)

    def show_query(self, query: int) -> None:
        """Show a query's row, unless another one is locked."""
        if not self.is_locked and 0 <= query < len(self.tokens):
            self._set_query(query)

    def toggle_lock(self, query: int) -> None:
        """Lock a query's row, or unlock it if it is locked."""
        self.is_locked = not (self.is_locked and query == self.query)
        self._set_query(query)

    def unlock(self) -> None:
        """Unlock and show the last query, whose prediction is the answer."""
        self.is_locked = False
        self._set_query(len(self.tokens) - 1)

    def leaveEvent(self, event: QEvent) -> None:
        """Show the last query again, unless one is locked."""
        super().leaveEvent(event)
        if not self.is_locked:
            self._set_query(len(self.tokens) - 1)

    def _on_hover(self, row: int, _column: int) -> None:
        if row >= 0:
            self.show_query(row)

    def _on_click(self, row: int, _column: int) -> None:
        self.toggle_lock(row)

    def _set_query(self, query: int) -> None:
        self.query = query
        self.mark_nodes(self.marked_nodes, query)
        self.update()
        self.query_changed.emit(query)
