"""Where the nodes of a circuit stand, found once: what is ablated, labelled or hidden moves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from circuitviz.graph import Circuit
from circuitviz.layout import COLUMN_SPACING, PositionColumn, layouts
from circuitviz.layout.by_token import COLUMN_GAP_NODES, EMPTY_COLUMN_NODES

Position = tuple[float, float]


@lru_cache(maxsize=8)  # there and back by undo, and from one layout to the next
def node_positions(
    circuit: Circuit, layout: str, pinned: frozenset[tuple[str, Position]]
) -> Mapping[str, Position]:
    """Places of a circuit's nodes in the layout's units; ``pinned`` ones, by name, stay where they are."""
    found = layouts.get(layout).value(circuit.graph, circuit.node_names, circuit.edges, dict(pinned))
    return MappingProxyType(found)


@lru_cache(maxsize=4)
def layout_columns(circuit: Circuit, layout: str) -> tuple[PositionColumn, ...]:
    """The columns of a layout that stands in columns, else none."""
    spans = layouts.get(layout).extra.get("columns")
    return () if spans is None else tuple(spans(circuit.graph, circuit.node_names))


def columns_for_positions(last: PositionColumn, positions: Sequence[int]) -> tuple[PositionColumn, ...]:
    """Columns of further positions, at which no node stands, to the right of the ``last`` column."""
    steps = (
        last.right + (COLUMN_GAP_NODES + number * (EMPTY_COLUMN_NODES + COLUMN_GAP_NODES)) * COLUMN_SPACING
        for number in range(len(positions))
    )
    return tuple(
        PositionColumn(at, left, left + EMPTY_COLUMN_NODES * COLUMN_SPACING)
        for at, left in zip(positions, steps, strict=True)
    )
