"""One head's attention over real tokens: point at a token to see where it looks, click to hold it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Signal

from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.heat.grid import Table
from circuitviz.panels.heat.paint import shown


class AttentionMap(HeatMap):
    """Rows are queries, columns keys. ``query`` is the row that is read; click locks it, Escape frees it."""

    query_changed = Signal(int)

    def __init__(self, name: str = "Attention pattern", *, scale: bool = False, least: float = 13.0) -> None:
        super().__init__(name, scale=scale, square=True, least=least, most=30.0)
        self.tokens: Sequence[str] = ()
        self.pattern: NDArray[Any] = np.zeros((0, 0))
        self.query = -1
        self.locked = False
        self.pointed.connect(self._follow)
        self.chosen.connect(self._lock)
        self.escaped.connect(self.free)

    def show_pattern(
        self,
        tokens: Sequence[str],
        pattern: Any,
        *,
        signed: bool = False,
        limit: float = 1.0,
        table: Callable[[], Table] = list,
    ) -> None:
        """Show weights [query, key]; what a causal head cannot see stays empty."""
        if list(tokens) != list(self.tokens):
            self.locked, self.query = False, len(tokens) - 1
        self.tokens, self.pattern = tokens, np.asarray(pattern)
        names = [shown(token) for token in tokens]
        seen = np.where(np.tril(np.ones_like(self.pattern, dtype=bool)), self.pattern, np.nan)

        def told(i: int, j: int) -> str:
            weight = self.pattern[i, j]
            if signed:
                return f"“{names[i]}” looks {weight:+.3f} more at “{names[j]}”"
            return f"“{names[i]}” looks at “{names[j]}”: {weight:.3f}"

        unit = "difference of attention" if signed else "attention"
        self.show_grid(HeatGrid(names, names, seen, unit, signed, limit, told=told, table=table))
        self._look(self.query)

    def look_from(self, query: int) -> None:
        """Read a token's row, unless one is held."""
        if not self.locked and 0 <= query < len(self.tokens):
            self._look(query)

    def hold(self, query: int) -> None:
        """Hold a token's row, or let it go if it is held already."""
        self.locked = not (self.locked and query == self.query)
        self._look(query)

    def free(self) -> None:
        """Let go; the last token is read, whose prediction is the answer."""
        self.locked = False
        self._look(len(self.tokens) - 1)

    def leaveEvent(self, event: QEvent) -> None:
        """Back to the last token."""
        super().leaveEvent(event)
        if not self.locked:
            self._look(len(self.tokens) - 1)

    def _follow(self, row: int, _column: int) -> None:
        if row >= 0:
            self.look_from(row)

    def _lock(self, row: int, _column: int) -> None:
        self.hold(row)

    def _look(self, query: int) -> None:
        self.query = query
        self.mark(self.marked, query)
        self.update()
        self.query_changed.emit(query)
