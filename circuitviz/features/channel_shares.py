"""Decomposition of edges between features into the heads that carry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.attention_parts import attention_score_parts, check_head, rows_through_heads
from circuitviz.features.feature_edges import FeatureEdgeRows, read_vectors_of_node
from circuitviz.features.forward_order import attention_write_stage
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.sites import PARTS
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind

MAX_NAMED_NODES = 20
OTHERS_NAME, BIASES_NAME = "all others", "biases"


@dataclass(frozen=True)
class NodeShare:
    """What one node contributes, by its name; ``OTHERS_NAME`` and ``BIASES_NAME`` stand for the rest."""

    name: str
    value: float


@dataclass(frozen=True)
class HeadChannel:
    """What reaches a target through one head's OV.

    Attributes:
        head: The head's name.
        layer: Its layer.
        head_index: Its index in the layer.
        total: From all nodes and the head's constant part.
        from_source: From the source that was given.
        is_own_layer: Whether the target is a feature of this head's attention, so that the head carries part
            of its edges.
        sources: The strongest nodes, then the rest; they sum to the total.
    """

    head: str
    layer: int
    head_index: int
    total: float
    from_source: float | None
    is_own_layer: bool
    sources: tuple[NodeShare, ...]


@dataclass(frozen=True)
class EdgeChannels:
    """How a target's pre-activation, and one source's part in it, comes through heads.

    Attributes:
        target: The target's name.
        source: The source's name.
        value: The target's value.
        edge: The edge from source to target; None without a source. Of a feature of attention it is the sum
            over its own layer's heads; of any other target it stays in the residual stream, and heads are
            further ways from the source to the target, or, where attention is transparent, parts of the edge.
        direct: The part of the edge that no head carries.
        heads: The heads.
    """

    target: str
    source: str | None
    value: float
    edge: float | None
    direct: float | None
    heads: tuple[HeadChannel, ...]

    @property
    def is_through_heads(self) -> bool:
        """Whether heads carry the edge itself."""
        return any(head.is_own_layer for head in self.heads)

    @property
    def strongest(self) -> HeadChannel:
        """The head that carries most: of the edge, or of everything; its own layer's heads first."""
        return max(
            self.heads,
            key=lambda head: (
                head.is_own_layer,
                abs(head.total if head.from_source is None else head.from_source),
            ),
        )


@dataclass(frozen=True)
class AttentionScoreBreakdown:
    """Why a head attends from a query's to a key's position, by nodes.

    Attributes:
        head: The head's name.
        query: The query's position.
        key: The key's position.
        pattern: The attention weight.
        score: The score before the softmax.
        pairs: The strongest pairs: query's node, key's node, product.
        rows: The query nodes of those pairs.
        columns: The key nodes of those pairs.
        values: [rows, columns].
        by_query: The query side's parts, the strongest first, then the rest; they sum to the score.
        by_key: The same of the key side.
    """

    head: str
    query: int
    key: int
    pattern: float
    score: float
    pairs: tuple[tuple[str, str, float], ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    by_query: tuple[NodeShare, ...]
    by_key: tuple[NodeShare, ...]


def edge_channels(
    edges: FeatureEdgeRows, target: Target, source: str | None = None, max_nodes: int = MAX_NAMED_NODES
) -> EdgeChannels:
    """Return every head through which something reaches a target.

    Args:
        edges: Edges of the prompt's nodes.
        target: The target.
        source: Name of a node whose part is given as well.
        max_nodes: How many nodes are named for each head.

    Raises:
        InputError: No head writes anything that the target reads.
    """
    table = edges.table
    row, _ = edges.row_into(target)
    source_row = None if source is None else table.index(source)
    own_layer = _attention_layer(table, target)
    numbers = []  # fetched in one copy for the heads of all layers
    heads, layers = range(table.run.model.shape.n_heads), _layers_written_before(table, target, own_layer)
    for layer in layers:
        rows, constants = rows_through_heads(edges, target, layer, heads)
        best = rows.abs().topk(min(max_nodes, rows.shape[1]), dim=1).indices
        from_source = rows[:, 0 if source_row is None else source_row]
        sums = torch.stack([constants, rows.sum(1), from_source], dim=1)
        numbers.append(torch.cat([sums.double(), best.double(), rows.gather(1, best).double()], dim=1))
    channels = []
    places = [(layer, head) for layer in layers for head in heads]
    for (layer, head), row_numbers in zip(
        places, torch.cat(numbers).tolist() if numbers else (), strict=True
    ):
        (constant, total, of_source), shares = row_numbers[:3], row_numbers[3:]
        half = len(shares) // 2
        channels.append(
            HeadChannel(
                f"a{layer}.h{head}",
                layer,
                head,
                total + constant,
                None if source_row is None else of_source,
                layer == own_layer,
                _strongest_shares(table, shares[:half], shares[half:], total, constant),
            )
        )
    if not channels:
        raise InputError(
            f"No head writes anything that '{target.node.name}' reads; a feature of a later layer, or one of "
            "attention, would be right."
        )
    edge = None if source_row is None else float(row[source_row])
    carried = [
        one.from_source or 0.0 for one in channels if one.is_own_layer or table.is_transparent(one.layer)
    ]
    direct = None if edge is None else edge - sum(carried)
    return EdgeChannels(target.node.name, source, target.value, edge, direct, tuple(channels))


def break_down_attention_score(
    table: NodeTable,
    layer: int,
    head: int,
    query: int,
    key: int | None = None,
    max_nodes: int = MAX_NAMED_NODES,
) -> AttentionScoreBreakdown:
    """Return what a head's score between two positions is made of.

    Args:
        table: The nodes of the prompt.
        layer: The layer.
        head: The head.
        query: The query's position.
        key: The key's position; where the head attends most by default.
        max_nodes: How many pairs and nodes are named.

    Raises:
        InputError: Head or positions do not exist, or the model computes scores in another way.
    """
    table.check_position(query)
    check_head(table, layer, head)
    pattern = table.run.pattern[layer][head, query, : query + 1]
    if key is None:
        key = int(pattern.argmax())
    parts = attention_score_parts(table, layer, head, query, key)
    queries = [*(table.node(int(i)).name for i in parts.queries), BIASES_NAME]
    keys = [*(table.node(int(i)).name for i in parts.keys), BIASES_NAME]
    pairs = parts.pairs.cpu()
    order = pairs.abs().flatten().topk(min(max_nodes, pairs.numel())).indices.tolist()
    cells = [divmod(index, len(keys)) for index in order]
    rows, columns = (list(dict.fromkeys(side)) for side in zip(*cells, strict=True))
    return AttentionScoreBreakdown(
        head=f"a{layer}.h{head}",
        query=query,
        key=key,
        pattern=float(pattern[key]),
        score=parts.score,
        pairs=tuple((queries[i], keys[j], float(pairs[i, j])) for i, j in cells),
        rows=tuple(queries[i] for i in rows),
        columns=tuple(keys[j] for j in columns),
        values=tuple(map(tuple, pairs[rows][:, columns].tolist())),
        by_query=_named_shares(queries, parts.by_query, max_nodes),
        by_key=_named_shares(keys, parts.by_key, max_nodes),
    )


def _layers_written_before(table: NodeTable, target: Target, own_layer: int | None) -> list[int]:
    """Return the layers whose heads write what the target reads, and the one it is a feature of."""
    reads = target.read_vectors if target.index is None else read_vectors_of_node(table, target.index)
    return [
        layer
        for layer in range(table.run.model.shape.n_layers)
        if layer == own_layer or (reads is not None and reads.stage > attention_write_stage(layer))
    ]


def _attention_layer(table: NodeTable, target: Target) -> int | None:
    """Return the layer whose attention a target is a feature of."""
    index = target.index
    if (
        index is None
        or table.kind[index] != NODE_KINDS.index(NodeKind.FEATURE)
        or PARTS[table.part[index]] != "a"
    ):
        return None
    return int(table.layer[index])


def _strongest_shares(
    table: NodeTable, rows: Sequence[float], values: Sequence[float], total: float, constant: float
) -> tuple[NodeShare, ...]:
    """Return the nodes that contribute most, then the rest, then the constant part."""
    shares = [
        NodeShare(table.node(int(row)).name, value) for row, value in zip(rows, values, strict=True) if value
    ]
    remainder = total - sum(share.value for share in shares)
    return (*shares, NodeShare(OTHERS_NAME, remainder), NodeShare(BIASES_NAME, constant))


def _named_shares(names: list[str], values: Tensor, max_nodes: int) -> tuple[NodeShare, ...]:
    order = values.abs().topk(min(max_nodes, len(values))).indices
    parts = (values.sum()[None], values[order], order)
    total, *numbers = torch.cat([part.double() for part in parts]).tolist()
    half = len(numbers) // 2
    pairs = zip(numbers[half:], numbers[:half], strict=True)
    shares = [NodeShare(names[int(i)], value) for i, value in pairs]
    remainder = total - sum(share.value for share in shares)
    return (*shares, NodeShare(OTHERS_NAME, remainder)) if len(values) > max_nodes else tuple(shares)
