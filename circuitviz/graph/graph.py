"""Which sender reaches which receiver: the one table that every method, file and picture shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError, suggest_name
from circuitviz.graph.nodes import ModelShape, Node, NodeKind

BoolMatrix = NDArray[np.bool_]
IndexArray = NDArray[np.intp]
CHANNEL_SUFFIXES = ("<q>", "<k>", "<v>")


@dataclass(frozen=True, eq=False)
class Graph:
    """Senders × receivers of a transformer, with the mask of the edges that exist.

    Senders, in order: ``input``, then per layer its heads and its MLP. Receivers: per layer the
    query, key and value inputs of its heads and the MLP's input, then ``logits``. A sender has an
    edge to every receiver computed after it (METHODS: Graph). Graphs of features (``of_nodes``) have
    their own nodes, a receiver for each node that reads, and ``sinks`` nodes at the end that only read.
    """

    shape: ModelShape
    nodes: tuple[Node, ...]
    receivers: tuple[str, ...]
    mask: BoolMatrix
    owners: BoolMatrix
    sinks: int = 1

    @staticmethod
    def of_nodes(shape: ModelShape, nodes: tuple[Node, ...], mask: BoolMatrix, sinks: int = 1) -> Graph:
        """A graph of any nodes in order of computation, the last ``sinks`` of them the targets.

        mask: [senders, nodes], which edges exist; nodes that read nothing get no receiver. InputError
        where an edge goes back or two nodes share a name.
        """
        names = [node.name for node in nodes]
        if mask.shape != (len(nodes) - sinks, len(nodes)) or len(set(names)) < len(names):
            raise InputError(
                f"A graph of {len(nodes)} nodes, {sinks} of them targets, was given edges of shape "
                f"{mask.shape} and {len(set(names))} different names; each node needs a name of its own "
                f"and edges of shape {(len(nodes) - sinks, len(nodes))}."
            )
        before, after = np.nonzero(mask)
        if (before >= after).any():
            raise InputError("An edge goes from a node to itself or to one before it; edges go forward.")
        reading = np.array(mask.any(axis=0))
        reading[len(nodes) - sinks :] = True
        columns = np.ascontiguousarray(mask[:, reading])
        owners = np.zeros((columns.shape[1], len(nodes)), dtype=bool)
        owners[np.arange(len(owners)), np.flatnonzero(reading)] = True
        columns.setflags(write=False)
        owners.setflags(write=False)
        return Graph(shape, nodes, tuple(np.array(names)[reading].tolist()), columns, owners, sinks)

    @staticmethod
    def transformer(shape: ModelShape) -> Graph:
        """Return the graph of a model of this shape; the same object for the same shape."""
        return _transformer_graph(shape)

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """Names of all nodes that write to the residual stream, in order of computation."""
        return tuple(node.name for node in self.nodes[: len(self.nodes) - self.sinks])

    @cached_property
    def roots(self) -> NDArray[np.bool_]:
        """Nodes [nodes] that read nothing: ``input``; tokens, errors and biases among features."""
        return np.asarray(~self.owners.any(axis=0))

    @cached_property
    def isolated(self) -> NDArray[np.bool_]:
        """Nodes [nodes] that no edge of the graph touches: none of a model's, some of a file's."""
        writing = np.append(self.mask.any(axis=1), [False] * self.sinks)
        return np.asarray(~(writing | self.owners[self.mask.any(axis=0)].any(axis=0)))

    @cached_property
    def is_of_prompt(self) -> bool:
        """Whether its nodes stand at a prompt's positions: a circuit of features, wherever it comes from."""
        return any(node.position is not None for node in self.nodes)

    def same_as(self, other: Graph) -> bool:
        """Whether two graphs have the same nodes and edges, so that their circuits can be compared."""
        return self is other or (
            self.shape == other.shape
            and self.nodes == other.nodes
            and self.mask.shape == other.mask.shape
            and bool(np.array_equal(self.mask, other.mask))
        )

    @cached_property
    def n_edges(self) -> int:
        """How many edges exist (32,491 for GPT-2 small)."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def sender_index(self) -> dict[str, int]:
        """Row of each sender."""
        return {name: i for i, name in enumerate(self.senders)}

    @cached_property
    def receiver_index(self) -> dict[str, int]:
        """Column of each receiver."""
        return {name: i for i, name in enumerate(self.receivers)}

    @cached_property
    def _nodes_by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def node_index(self) -> dict[str, int]:
        """Row of each node in ``owners``' columns: senders first, ``logits`` last."""
        return {node.name: i for i, node in enumerate(self.nodes)}

    def node(self, name: str) -> Node:
        """Return a node by name; InputError names a near one where it does not exist."""
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

    def depth(self, name: str) -> int:
        """Rank from the bottom of the picture: input 0, ``a{l}`` 2l+1, ``m{l}`` 2l+2, logits last."""
        node = self.node(name)
        return 2 * self.shape.n_layers + 1 if node.kind is NodeKind.LOGITS else node.depth

    def edge(self, name: str) -> tuple[int, int]:
        """Return (sender, receiver) of ``a5.h3->a9.h9<q>``; InputError where there is none."""
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
        """Write an edge as EAP-IG does: ``a5.h3->a9.h9<q>``."""
        return f"{self.senders[sender]}->{self.receivers[receiver]}"

    def edge_names(self, edges: BoolMatrix) -> tuple[str, ...]:
        """Names of all chosen edges [senders, receivers], row by row."""
        return tuple(self.edge_name(s, r) for s, r in np.argwhere(edges))

    def edge_node_triples(self, edges: BoolMatrix) -> tuple[IndexArray, IndexArray, IndexArray]:
        """Sender, receiver and node [arrows] of chosen edges, row by row.

        An edge into a receiver that several nodes share is an arrow to each of them.
        """
        senders, receivers = edge_indices(edges)
        owned, nodes = self._receiver_node_pairs
        number = np.bincount(owned, minlength=len(self.receivers))
        times = number[receivers]
        edge = np.repeat(np.arange(len(senders)), times)
        turn = np.arange(len(edge)) - np.repeat(np.cumsum(times) - times, times)
        into = receivers[edge]
        return senders[edge], into, nodes[(np.cumsum(number) - number)[into] + turn]

    @cached_property
    def nodes_by_receiver(self) -> list[list[int]]:
        """The nodes that each receiver belongs to."""
        found: list[list[int]] = [[] for _ in self.receivers]
        for receiver, node in zip(*(each.tolist() for each in self._receiver_node_pairs), strict=True):
            found[receiver].append(node)
        return found

    @cached_property
    def _receiver_node_pairs(self) -> tuple[IndexArray, IndexArray]:
        """Receivers, in order, and the nodes that they belong to [pairs]."""
        return edge_indices(self.owners)

    def channel(self, receiver: int) -> str:
        """``q``, ``k`` or ``v`` for an attention receiver, else an empty string."""
        return channel_of(self.receivers[receiver])


def channel_of(receiver: str) -> str:
    """``q``, ``k`` or ``v`` of a receiver's name; nothing of any other name, whatever it ends with.

    >>> channel_of("a9.h9<q>"), channel_of("m9"), channel_of("<b>")
    ('q', '', '')
    """
    return receiver[-2] if receiver.endswith(CHANNEL_SUFFIXES) and len(receiver) > 3 else ""


def edge_indices(edges: BoolMatrix) -> tuple[IndexArray, IndexArray]:
    """Row and column of what is true, row by row: ``np.nonzero`` in a fifth of its time where little is."""
    rows, columns = np.divmod(np.flatnonzero(edges), max(1, edges.shape[1]))
    return rows, columns


@lru_cache(maxsize=32)
def _transformer_graph(shape: ModelShape) -> Graph:
    nodes = [Node("input", NodeKind.INPUT)]
    names: list[str] = []
    owned_by: list[list[int]] = []
    reach: list[int] = []  # how many senders come before each receiver
    for layer in range(shape.n_layers):
        before = len(nodes)
        heads = range(before, before + shape.n_heads)
        for channel in "qkv":
            grouped = shape.has_grouped_queries and channel != "q"
            for i in range(shape.kv_heads if channel != "q" else shape.n_heads):
                names.append(f"a{layer}.{'kv' if grouped else 'h'}{i}<{channel}>")
                size = shape.queries_per_kv_head if channel != "q" else 1
                owned_by.append([heads[i * size + j] for j in range(size)])
                reach.append(before)
        nodes += [Node(f"a{layer}.h{h}", NodeKind.HEAD, layer, h) for h in range(shape.n_heads)]
        if shape.mlp:
            names.append(f"m{layer}")
            owned_by.append([len(nodes)])
            reach.append(before if shape.parallel else len(nodes))
            nodes.append(Node(f"m{layer}", NodeKind.MLP, layer))
    names.append("logits")
    owned_by.append([len(nodes)])
    reach.append(len(nodes))
    mask = np.arange(len(nodes))[:, None] < np.array(reach)[None, :]
    nodes.append(Node("logits", NodeKind.LOGITS))
    owners = np.zeros((len(names), len(nodes)), dtype=bool)
    for receiver, owning in enumerate(owned_by):
        owners[receiver, owning] = True
    mask.setflags(write=False)
    owners.setflags(write=False)
    return Graph(shape, tuple(nodes), tuple(names), mask, owners)
