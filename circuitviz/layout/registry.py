"""A layout is a function from a circuit to places; adding one is adding a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from circuitviz.graph import BoolMatrix, Graph
from circuitviz.registry import Registry

Positions = dict[str, tuple[float, float]]
Layout = Callable[[Graph, Sequence[str], BoolMatrix, Mapping[str, tuple[float, float]]], Positions]
"""(graph, node names, edges [senders, receivers], pinned places) → places; y grows with depth."""

# A layout in columns is registered with ``columns``: (graph, node names) → its columns.
layouts: Registry[Layout] = Registry("layout", "circuitviz.layout", "circuitviz.layouts")


@dataclass(frozen=True, slots=True)
class PositionColumn:
    """What stands at one token position, from ``left`` to ``right``; None: at no position."""

    position: int | None
    left: float
    right: float


COLUMN_SPACING = 92.0
ROW_SPACING = 66.0
