"""Drawn edges as columns of numbers, from the scores to the painter.

A circuit of a transformer has tens of thousands of edges. As objects they cost a second to make and to
read; as columns they are built, filtered, found under the pointer and painted in one numpy call each. A
``DrawnEdge`` is made only for a row that somebody asks for: the edge under the pointer, or one that is
painted in detail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph import Graph

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

CHANNELS = ("", "q", "k", "v")
"""Inputs by which an edge enters its receiver; ``EdgeArrays.channel`` indexes them."""
SIDES = ("", "both", "left", "right")
"""Which of two compared circuits has an edge; ``EdgeArrays.side`` indexes them."""


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """One row of ``EdgeArrays``.

    Attributes:
        name: EAP-IG's name, ``a5.h3->a9.h9<q>``.
        sender: name of the drawn node at which it starts.
        receiver: name of the drawn node at which it ends.
        channel: ``q``, ``k``, ``v`` or empty.
        score: its score; of a folded edge, the sum of the edges that it stands for.
        strength: |score| as a share of the strongest edge's, 0 to 1.
        ablated: whether the edge or its sender is ablated.
        opacity: 0 to 1; below 1 only where the stability of a search is shown.
        side: which of two compared circuits has it: ``both``, ``left``, ``right``, else empty.
        note: in a comparison, the score that each circuit gives it.
        n_edges: how many edges of the circuit it stands for.
    """

    name: str
    sender: str
    receiver: str
    channel: str
    score: float
    strength: float
    ablated: bool = False
    opacity: float = 1.0
    side: str = ""
    note: str = ""
    n_edges: int = 1


class EdgeNames(Protocol):
    """Names of drawn edges by key, worked out only for the edges that somebody asks for."""

    def name_of(self, key: int) -> str:
        """The name of the edge with a key."""
        ...

    def keys_of(self, name: str) -> Sequence[int]:
        """The keys of the edges with a name; empty where there is none."""
        ...

    def first_keys(self, keys: IndexArray) -> IndexArray:
        """For each key the first key of the same name: what counts as one edge."""
        ...


@dataclass(frozen=True, eq=False)
class GraphEdgeNames:
    """Names of a graph's edges; the key of an edge is its place in the flattened [senders, receivers]."""

    graph: Graph

    def name_of(self, key: int) -> str:
        """The name of the edge with a key."""
        return self.graph.edge_name(*divmod(key, len(self.graph.receivers)))

    def keys_of(self, name: str) -> Sequence[int]:
        """The key of the edge with a name, whether the graph's mask has it or not."""
        sender, _, receiver = name.partition("->")
        row, column = self.graph.sender_index.get(sender), self.graph.receiver_index.get(receiver)
        return () if row is None or column is None else (row * len(self.graph.receivers) + column,)

    def first_keys(self, keys: IndexArray) -> IndexArray:
        """The keys themselves: no two edges have one name."""
        return keys


class ListedEdgeNames:
    """Names of edges that have no place in a graph: sums over groups. The key is the place in the list."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def name_of(self, key: int) -> str:
        """The name of the edge with a key."""
        return self._names[key]

    def keys_of(self, name: str) -> Sequence[int]:
        """The keys of the edges with a name: several where heads share a key-value receiver."""
        return self._keys.get(name, ())

    def first_keys(self, keys: IndexArray) -> IndexArray:
        """For each key the first key of the same name: what counts as one edge."""
        return self._first_keys[keys]

    @cached_property
    def _first_keys(self) -> IndexArray:
        return np.array([self._keys[name][0] for name in self._names], np.intp)

    @cached_property
    def _keys(self) -> dict[str, list[int]]:
        keys: dict[str, list[int]] = {}
        for key, name in enumerate(self._names):
            keys.setdefault(name, []).append(key)
        return keys


@dataclass(frozen=True, eq=False)
class EdgeArrays(Sequence[DrawnEdge]):
    """Drawn edges, the weakest first; a sequence of ``DrawnEdge`` whose rows are made on demand.

    Attributes:
        node_names: names of the scene's nodes, in the order of its rows.
        names: the edges' names by key.
        key: [edges] what each row is in the circuit; rows of one key are one edge, drawn once for each
            head that shares its key-value receiver.
        sender: [edges] rows of nodes.
        receiver: [edges] rows of nodes.
        channel: [edges] indices into ``CHANNELS``.
        score: [edges].
        strength: [edges] |score| as a share of the strongest edge's.
        ablated: [edges].
        opacity: [edges] 0 to 1.
        side: [edges] indices into ``SIDES``.
        n_edges: [edges] how many edges of the circuit a row stands for.
        note_of: the note of the edge with a key, in a comparison.
    """

    node_names: tuple[str, ...]
    names: EdgeNames
    key: IndexArray
    sender: IndexArray
    receiver: IndexArray
    channel: IndexArray
    score: FloatArray
    strength: FloatArray
    ablated: BoolArray
    opacity: FloatArray
    side: IndexArray
    n_edges: IndexArray
    note_of: Callable[[int], str] | None = None

    @staticmethod
    def build(
        node_names: tuple[str, ...],
        names: EdgeNames,
        key: IndexArray,
        sender: IndexArray,
        receiver: IndexArray,
        channel: IndexArray,
        score: FloatArray,
        strength: FloatArray,
        ablated: BoolArray | None = None,
        n_edges: IndexArray | None = None,
    ) -> EdgeArrays:
        """Columns of edges that stand for one edge each, none of them ablated, unless told otherwise."""
        n = len(key)
        return EdgeArrays(
            node_names,
            names,
            key,
            sender,
            receiver,
            channel,
            score,
            strength,
            np.zeros(n, bool) if ablated is None else ablated,
            np.ones(n),
            np.zeros(n, np.intp),
            np.ones(n, np.intp) if n_edges is None else n_edges,
        )

    @staticmethod
    def empty(node_names: tuple[str, ...] = ()) -> EdgeArrays:
        """No edges between some nodes."""
        none, numbers = np.zeros(0, np.intp), np.zeros(0)
        return EdgeArrays.build(node_names, ListedEdgeNames(()), none, none, none, none, numbers, numbers)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.key)

    @overload
    def __getitem__(self, row: int) -> DrawnEdge: ...
    @overload
    def __getitem__(self, row: slice) -> EdgeArrays: ...
    def __getitem__(self, row: int | slice) -> DrawnEdge | EdgeArrays:
        """The edge of a row; of a slice, its rows."""
        if isinstance(row, slice):
            return self.take(np.arange(len(self))[row])
        key = int(self.key[row])
        return DrawnEdge(
            self.names.name_of(key),
            self.node_names[self.sender[row]],
            self.node_names[self.receiver[row]],
            CHANNELS[self.channel[row]],
            float(self.score[row]),
            float(self.strength[row]),
            bool(self.ablated[row]),
            float(self.opacity[row]),
            SIDES[self.side[row]],
            "" if self.note_of is None else self.note_of(key),
            int(self.n_edges[row]),
        )

    def __eq__(self, other: object) -> bool:
        """Whether all rows are the same."""
        if not isinstance(other, EdgeArrays):
            return NotImplemented
        columns = [(getattr(self, name), getattr(other, name)) for name in _COLUMNS]
        return self.node_names == other.node_names and all(np.array_equal(a, b) for a, b in columns)

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: IndexArray | BoolArray) -> EdgeArrays:
        """Some of the rows, in order; ``rows`` as numpy indexes with."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return replace(self, **columns)

    def between(self, is_kept: BoolArray) -> EdgeArrays:
        """The edges between nodes that are kept [nodes], their ends counted among those nodes alone."""
        left = self.take(is_kept[self.sender] & is_kept[self.receiver])
        row = np.cumsum(is_kept) - 1
        names = tuple(name for name, kept in zip(self.node_names, is_kept, strict=True) if kept)
        return replace(left, node_names=names, sender=row[left.sender], receiver=row[left.receiver])

    @cached_property
    def rows_by_name(self) -> EdgeRows:
        """Rows of each edge by name."""
        return EdgeRows(self)

    @cached_property
    def _rows_by_key(self) -> tuple[IndexArray, IndexArray]:
        order = np.argsort(self.key, kind="stable")
        return order, self.key[order]

    def rows_of_keys(self, keys: Sequence[int] | IndexArray) -> IndexArray:
        """Rows of the edges with some keys, key by key."""
        order, ordered = self._rows_by_key
        first = np.searchsorted(ordered, keys, "left")
        last = np.searchsorted(ordered, keys, "right")
        return np.concatenate([order[a:b] for a, b in zip(first, last, strict=True)] or [order[:0]])


_COLUMNS = tuple(
    field.name for field in fields(EdgeArrays) if field.name not in ("node_names", "names", "note_of")
)


class EdgeRows(Mapping[str, list[int]]):
    """Rows of each edge by name; names are looked up one by one, none is written down in advance."""

    def __init__(self, edges: EdgeArrays) -> None:
        self._edges = edges

    def __getitem__(self, name: str) -> list[int]:
        """Rows of the edge with a name."""
        rows: list[int] = self._edges.rows_of_keys(self._edges.names.keys_of(name)).tolist()
        if not rows:
            raise KeyError(name)
        return rows

    def __contains__(self, name: object) -> bool:
        """Whether an edge with a name is drawn."""
        return isinstance(name, str) and bool(self.get(name))

    def __iter__(self) -> Iterator[str]:
        """Every name, in the order of the rows."""
        return iter(dict.fromkeys(map(self._edges.names.name_of, self._edges.key.tolist())))

    def __len__(self) -> int:
        """How many names there are."""
        return sum(1 for _ in self)
