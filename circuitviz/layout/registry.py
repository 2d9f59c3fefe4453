"""The registry of layouts: functions from a circuit to node positions, one file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from circuitviz.graph import BoolMatrix, Graph
from circuitviz.registry import Registry

Positions = dict[str, tuple[float, float]]
Layout = Callable[[Graph, Sequence[str], BoolMatrix, Mapping[str, tuple[float, float]]], Positions]
"""(graph, node names, edges [senders, receivers], pinned positions) → positions; y grows with depth."""

# A layout with columns is registered with ``columns``: (graph, node names) → tuple of PositionColumn; with
# ``needs_columns`` it is offered only for circuits that have some.
layouts: Registry[Layout] = Registry("layout", "circuitviz.layout", "circuitviz.layouts")


@dataclass(frozen=True, slots=True)
class PositionColumn:
    """The column of one token position, or of the nodes without one.

    Attributes:
        position: Token position; None for nodes without one.
        left: x of the left edge, in the layout's units.
        right: x of the right edge.
    """

    position: int | None
    left: float
    right: float


COLUMN_SPACING = 92.0
ROW_SPACING = 66.0
