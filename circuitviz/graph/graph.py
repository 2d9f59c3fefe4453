"""The graph of a model: which sender reaches which receiver.

Every method, file format and picture uses this one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError, suggest_name
from circuitviz.graph.names import channel_of
from circuitviz.graph.nodes import ModelShape, Node, NodeKind
from circuitviz.graph.spans import END_SPAN, PromptSpans

BoolMatrix = NDArray[np.bool_]
IndexArray = NDArray[np.intp]
_Value = TypeVar("_Value", bound=np.generic)
MAX_SPAN_MATRIX = 2**26  # entries of a matrix of edges by span, of 8 bytes each


@dataclass(frozen=True, eq=False)
class Graph:
    """Senders × receivers of a transformer, with the mask of the edges that exist.

    Senders, in order: ``input``, then per layer its heads and its MLP. Receivers: per layer the query, key
    and value inputs of its heads and the MLP's input, then ``logits``. A sender has an edge to every receiver
    computed after it (methods.md, Graph). A graph of features (``of_nodes``) has its own nodes, a receiver
    for each node that has incoming edges, and ``sinks`` target nodes at its end.

    Attributes:
        shape: Sizes of the model.
        nodes: All nodes in order of computation: senders first, targets last.
        receivers: Names of the receivers.
        mask: Which edges exist, bool [senders, receivers].
        owners: Which node reads through which receiver, bool [receivers, nodes]. A key-value receiver of a
            grouped-query model belongs to all query heads of its group.
        sinks: Number of target nodes at the end, which only read.
        spans: The spans that its nodes stand at; None where nodes are summed over positions.
    """

    shape: ModelShape
    nodes: tuple[Node, ...]
    receivers: tuple[str, ...]
    mask: BoolMatrix
    owners: BoolMatrix
    sinks: int = 1
    spans: PromptSpans | None = None

    @staticmethod
    def of_nodes(
        shape: ModelShape,
        nodes: tuple[Node, ...],
        mask: BoolMatrix,
        sinks: int = 1,
        channel_masks: Mapping[str, BoolMatrix] | None = None,
    ) -> Graph:
        """A graph of any nodes in order of computation.

        Args:
            shape: Sizes of the model.
            nodes: The nodes; the last ``sinks`` of them are the targets.
            mask: Which edges exist, bool [nodes − sinks, nodes]. Nodes without incoming edges get no
                receiver.
            sinks: Number of target nodes.
            channel_masks: By ``q`` or ``k``, which edges go through attention scores to a node, bool of the
                same shape; they end at receivers such as ``m3.f12@7<q>``.

        Raises:
            InputError: An edge goes backwards, or two nodes share a name.
        """
        names = [node.name for node in nodes]
        masks = {"": mask, **(channel_masks or {})}
        if any(one.shape != (len(nodes) - sinks, len(nodes)) for one in masks.values()) or len(
            set(names)
        ) < len(names):
            raise InputError(
                f"A graph of {len(nodes)} nodes, {sinks} of them targets, was given edges of shape "
                f"{mask.shape} and {len(set(names))} different names; each node needs a name of its own "
                f"and edges of shape {(len(nodes) - sinks, len(nodes))}."
            )
        has_receiver = {channel: np.array(one.any(axis=0)) for channel, one in masks.items()}
        has_receiver[""][len(nodes) - sinks :] = True
        ends = [(row, c) for c in masks for row in np.flatnonzero(has_receiver[c]).tolist()]
        order = sorted(range(len(ends)), key=lambda i: ends[i][0])
        columns = np.concatenate([masks[c][:, has_receiver[c]] for c in masks], axis=1)[:, order]
        rows = np.array([ends[i][0] for i in order], dtype=np.intp)
        sources, ended = np.nonzero(columns)
        if (sources >= rows[ended]).any():
            raise InputError("An edge goes from a node to itself or to one before it; edges go forward.")
        owners = np.zeros((len(order), len(nodes)), dtype=bool)
        owners[np.arange(len(order)), rows] = True
        columns = np.ascontiguousarray(columns)
        columns.setflags(write=False)
        owners.setflags(write=False)
        receivers = tuple(f"{names[row]}<{c}>" if c else names[row] for row, c in (ends[i] for i in order))
        if len(set(receivers)) < len(receivers):
            raise InputError("A node has the name of another node's query or key; names have to differ.")
        return Graph(shape, nodes, receivers, columns, owners, sinks)

    @staticmethod
    def transformer(shape: ModelShape) -> Graph:
        """The graph of a model of this shape; the same object for the same shape."""
        return _transformer_graph(shape)

    def with_spans(self, spans: PromptSpans) -> Graph:
        """The graph of a model's components at each span; the same object for the same spans.

        A node ``a5.h3@S2`` writes at span S2. An edge is between two nodes at one span. A head moves between
        spans inside: its query is read at its own span, its keys and values at each span that it attends to,
        so that receivers such as ``a5.h3@S1<k>`` belong to all nodes of the head that can read from there.
        ``logits`` reads at ``END``. Source: [haklay2025position].

        Raises:
            InputError: There are so many spans that edges would not fit into memory.
        """
        return _graph_by_span(self, spans)

    def split_spans(self, matrix: NDArray[_Value]) -> NDArray[_Value]:
        """Values of edges by span.

        Args:
            matrix: A value for each edge of this graph [senders, receivers], which has spans.

        Returns:
            [senders, receivers, spans] of the graph without spans.
        """
        assert self.spans is not None
        n = len(self.spans)
        split = np.zeros((len(matrix) // n, matrix.shape[1] // n + 1, n), matrix.dtype)
        for span in range(n):
            split[:, :-1, span] = matrix[span::n, span:-1:n]
        end = self.spans.names.index(END_SPAN)
        split[:, -1, end] = matrix[end::n, -1]
        return split

    def join_spans(self, split: NDArray[_Value]) -> NDArray[_Value]:
        """The opposite of ``split_spans``; what ``logits`` reads elsewhere than at ``END`` is left out."""
        assert self.spans is not None
        n, matrix = len(self.spans), np.zeros(self.mask.shape, split.dtype)
        for span in range(n):
            matrix[span::n, span:-1:n] = split[:, :-1, span]
        end = self.spans.names.index(END_SPAN)
        matrix[end::n, -1] = split[:, -1, end]
        return matrix

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """Names of all nodes that write to the residual stream, in order of computation."""
        return tuple(node.name for node in self.nodes[: len(self.nodes) - self.sinks])

    @cached_property
    def roots(self) -> NDArray[np.bool_]:
        """Nodes without incoming edges, bool [nodes]: ``input``; tokens, errors and biases among features."""
        return np.asarray(~self.owners.any(axis=0))

    @cached_property
    def isolated(self) -> NDArray[np.bool_]:
        """Nodes that no edge of the graph touches, bool [nodes].

        Only graphs read from files have such nodes.
        """
        writing = np.append(self.mask.any(axis=1), [False] * self.sinks)
        return np.asarray(~(writing | self.owners[self.mask.any(axis=0)].any(axis=0)))

    @cached_property
    def is_of_prompt(self) -> bool:
        """Whether its nodes have token positions, as in a circuit of features of one prompt."""
        return any(node.position is not None for node in self.nodes)

    def same_as(self, other: Graph) -> bool:
        """Whether two graphs have the same nodes and edges, so that their circuits can be compared."""
        return self is other or (
            self.shape == other.shape
            and self.nodes == other.nodes
            and self.receivers == other.receivers
            and bool(np.array_equal(self.mask, other.mask))
        )

    @cached_property
    def n_edges(self) -> int:
        """How many edges exist (32,491 for GPT-2 small)."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def sender_index(self) -> dict[str, int]:
        """Row of each sender, by name."""
        return {name: i for i, name in enumerate(self.senders)}

    @cached_property
    def receiver_index(self) -> dict[str, int]:
        """Column of each receiver, by name."""
        return {name: i for i, name in enumerate(self.receivers)}

    @cached_property
    def _nodes_by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def node_index(self) -> dict[str, int]:
        """Row of each node in ``nodes`` and in the columns of ``owners``, by name."""
        return {node.name: i for i, node in enumerate(self.nodes)}

    def node(self, name: str) -> Node:
        """The node of a name.

        Raises:
            InputError: There is no such node; the message suggests a similar name.
        """
        try:
            return self._nodes_by_name[name]
        except KeyError:
            if self.is_of_prompt:
                raise InputError(
                    f"There is no node '{name}' in this graph of {len(self.nodes):,} nodes; its nodes are "
                    f"named as {self.nodes[0].name} and {self.nodes[-1].name}."
                    + suggest_name(name, self._nodes_by_name)
                ) from None
            raise InputError(
                f"There is no node '{name}' in this model; nodes are named input, a0.h0 to "
                f"a{self.shape.n_layers - 1}.h{self.shape.n_heads - 1}"
                f"{f', m0 to m{self.shape.n_layers - 1}' if self.shape.mlp else ''} and logits."
                + suggest_name(name, self._nodes_by_name)
            ) from None

    def depth(self, name: str) -> float:
        """Rank from the bottom: input 0, ``r{l}`` 2l + 0.5, ``a{l}`` 2l + 1, ``m{l}`` 2l + 2, logits last."""
        node = self.node(name)
        return 2 * self.shape.n_layers + 1 if node.kind is NodeKind.LOGITS else node.depth

    def edge(self, name: str) -> tuple[int, int]:
        """Row of the sender and column of the receiver of an edge such as ``a5.h3->a9.h9<q>``.

        Raises:
            InputError: There is no such edge.
        """
        sender, arrow, receiver = name.partition("->")
        s, r = self.sender_index.get(sender), self.receiver_index.get(receiver)
        if not arrow or s is None or r is None or not self.mask[s, r]:
            example = self.edge_name(0, len(self.receivers) - 1)
            raise InputError(
                f"There is no edge '{name}' in this model; an edge is written sender->receiver, "
                f"from an earlier to a later component, for example {example}."
            )
        return s, r

    def edge_name(self, sender: int, receiver: int) -> str:
        """The name of an edge in EAP-IG's notation, such as ``a5.h3->a9.h9<q>``."""
        return f"{self.senders[sender]}->{self.receivers[receiver]}"

    def edge_names(self, edges: BoolMatrix) -> tuple[str, ...]:
        """Names of all chosen edges [senders, receivers], row by row."""
        return tuple(self.edge_name(s, r) for s, r in np.argwhere(edges))

    def edge_node_triples(self, edges: BoolMatrix) -> tuple[IndexArray, IndexArray, IndexArray]:
        """Sender, receiver and receiving node of chosen edges, row by row.

        An edge into a receiver that several nodes share is listed once for each of them.

        Args:
            edges: Chosen edges, bool [senders, receivers].

        Returns:
            Three int arrays [triples]: rows of senders, columns of receivers, rows of nodes.
        """
        senders, receivers = edge_indices(edges)
        owned, nodes = self._receiver_node_pairs
        n_owners = np.bincount(owned, minlength=len(self.receivers))
        repeats = n_owners[receivers]
        edge = np.repeat(np.arange(len(senders)), repeats)
        offset = np.arange(len(edge)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        receiver = receivers[edge]
        return senders[edge], receiver, nodes[(np.cumsum(n_owners) - n_owners)[receiver] + offset]

    @cached_property
    def nodes_by_receiver(self) -> list[list[int]]:
        """For each receiver, the rows of the nodes that read through it."""
        nodes: list[list[int]] = [[] for _ in self.receivers]
        for receiver, node in zip(*(column.tolist() for column in self._receiver_node_pairs), strict=True):
            nodes[receiver].append(node)
        return nodes

    @cached_property
    def _receiver_node_pairs(self) -> tuple[IndexArray, IndexArray]:
        """Receivers, in order, and the nodes that they belong to, int [pairs] each."""
        return edge_indices(self.owners)

    def channel(self, receiver: int) -> str:
        """``q``, ``k`` or ``v`` for an attention receiver given by its column, else an empty string."""
        return channel_of(self.receivers[receiver])


def edge_indices(edges: BoolMatrix) -> tuple[IndexArray, IndexArray]:
    """Row and column of each true entry, row by row, int [edges] each.

    Equals ``np.nonzero`` of a matrix, in a fifth of its time where few entries are true.
    """
    rows, columns = np.divmod(np.flatnonzero(edges), max(1, edges.shape[1]))
    return rows, columns


def graph_of_model_nodes(shape: ModelShape, nodes: tuple[Node, ...]) -> Graph:
    """Build the graph of a model from its nodes; its receivers and edges follow from them.

    Args:
        shape: Sizes of the model.
        nodes: ``input``, then for each layer its heads, or the features and error of its attention, and its
            MLP, or the MLP's features and error, then ``logits``. Features and error of the residual stream
            before a layer are before it; what is after them reads nothing that was before.
    """
    rows_by_layer: dict[int | None, list[int]] = {}
    first_row: dict[float, int] = {}
    for row, node in enumerate(nodes):
        rows_by_layer.setdefault(node.layer, []).append(row)
        first_row.setdefault(node.depth, row)
    receivers: list[tuple[str, list[int], int]] = []  # name, rows of its nodes, number of earlier senders
    for layer in range(shape.n_layers + 1):
        rows = rows_by_layer.get(layer, [])
        for row in rows:
            if nodes[row].site == "r":  # also the error, through which the stream passes
                receivers.append((nodes[row].name, [row], first_row[2 * layer + 0.5]))
        if layer == shape.n_layers:
            break
        start = first_row[2 * layer + 1]
        heads = [row for row in rows if nodes[row].kind is NodeKind.HEAD]
        features = [row for row in rows if nodes[row].kind is NodeKind.FEATURE]
        for channel in "qkv":
            size = 1 if channel == "q" else shape.queries_per_kv_head
            letter = "h" if size == 1 else "kv"
            for i in range(len(heads) // size):
                owners = heads[i * size : (i + 1) * size]
                receivers.append((f"a{layer}.{letter}{i}<{channel}>", owners, start))
            for row in features:
                if nodes[row].site == "a":
                    receivers.append((f"{nodes[row].name}<{channel}>", [row], start))
        if shape.mlp:
            n_before = start if shape.parallel else first_row[2 * layer + 2]
            for row in rows:
                if nodes[row].kind is NodeKind.MLP or (
                    nodes[row].kind is NodeKind.FEATURE and nodes[row].site == "m"
                ):
                    receivers.append((nodes[row].name, [row], n_before))
    receivers.append(("logits", [len(nodes) - 1], len(nodes) - 1))
    ends = np.array([n for _, _, n in receivers])
    streams = np.array([row for depth, row in first_row.items() if nodes[row].site == "r"], dtype=int)
    firsts = np.array([streams[streams < end].max(initial=0) for end in ends])
    senders = np.arange(len(nodes) - 1)[:, None]
    mask = (senders >= firsts) & (senders < ends)
    owner_mask = np.zeros((len(receivers), len(nodes)), dtype=bool)
    for receiver, (_, owners, _) in enumerate(receivers):
        owner_mask[receiver, owners] = True
    mask.setflags(write=False)
    owner_mask.setflags(write=False)
    return Graph(shape, nodes, tuple(name for name, _, _ in receivers), mask, owner_mask)


@lru_cache(maxsize=32)
def _transformer_graph(shape: ModelShape) -> Graph:
    nodes = [Node("input", NodeKind.INPUT)]
    for layer in range(shape.n_layers):
        nodes += [Node(f"a{layer}.h{h}", NodeKind.HEAD, layer, h) for h in range(shape.n_heads)]
        nodes += [Node(f"m{layer}", NodeKind.MLP, layer)] if shape.mlp else []
    return graph_of_model_nodes(shape, (*nodes, Node("logits", NodeKind.LOGITS)))


@lru_cache(maxsize=8)
def _graph_by_span(graph: Graph, spans: PromptSpans) -> Graph:
    n, names = len(spans), spans.names
    n_pairs = graph.mask.size * n**2
    if n_pairs > MAX_SPAN_MATRIX:
        raise InputError(
            f"{n} spans of a model with {graph.n_edges:,} edges take a matrix of {n_pairs:,} numbers; up to "
            f"{MAX_SPAN_MATRIX:,} are computed. Name fewer spans: tokens without a name share one."
        )
    nodes = tuple(
        replace(node, name=f"{node.name}@{span}", span=span) for node in graph.nodes[:-1] for span in names
    )
    receivers = []
    for column, receiver in enumerate(graph.receivers[:-1]):
        channel = graph.channel(column)
        component, suffix = (receiver[:-3], receiver[-3:]) if channel else (receiver, "")
        receivers += [f"{component}@{span}{suffix}" for span in names]
    same, attends = np.eye(n, dtype=bool), np.array(spans.attends)
    at_end = np.array([[name == END_SPAN] for name in names])
    mask = np.concatenate([np.kron(graph.mask[:, :-1], same), np.kron(graph.mask[:, -1:], at_end)], axis=1)
    owners = np.zeros((len(receivers) + 1, len(nodes) + 1), dtype=bool)
    owners[-1, -1] = True
    for column in range(len(graph.receivers) - 1):
        moves = attends.T if graph.channel(column) in ("k", "v") else same
        owners[column * n : (column + 1) * n, :-1] = np.kron(graph.owners[column, :-1], moves)
    mask.setflags(write=False)
    owners.setflags(write=False)
    return Graph(
        graph.shape, (*nodes, graph.nodes[-1]), (*receivers, graph.receivers[-1]), mask, owners, spans=spans
    )
