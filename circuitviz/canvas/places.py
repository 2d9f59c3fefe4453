"""Where the nodes of a circuit stand, found once: what is ablated, labelled or hidden moves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from circuitviz.graph import Circuit
from circuitviz.layout import COLUMN, Column, layouts
from circuitviz.layout.tokens import EMPTY, GAP

Place = tuple[float, float]


@lru_cache(maxsize=8)  # there and back by undo, and from one layout to the next
def places_of(circuit: Circuit, layout: str, pinned: frozenset[tuple[str, Place]]) -> Mapping[str, Place]:
    """Places of a circuit's nodes in the layout's units; ``pinned`` ones, by name, stay where they are."""
    found = layouts.get(layout).value(circuit.graph, circuit.node_names, circuit.edges, dict(pinned))
    return MappingProxyType(found)


@lru_cache(maxsize=4)
def columns_of(circuit: Circuit, layout: str) -> tuple[Column, ...]:
    """The columns of a layout that stands in columns, else none."""
    spans = layouts.get(layout).extra.get("columns")
    return () if spans is None else tuple(spans(circuit.graph, circuit.node_names))


def columns_beyond(last: Column, positions: Sequence[int]) -> tuple[Column, ...]:
    """Columns of further positions, at which no node stands, to the right of the ``last`` column."""
    steps = (last.right + (GAP + number * (EMPTY + GAP)) * COLUMN for number in range(len(positions)))
    return tuple(Column(at, left, left + EMPTY * COLUMN) for at, left in zip(positions, steps, strict=True))
