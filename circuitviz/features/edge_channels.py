"""By which channel an edge between features runs: the residual stream, or the values of a named head."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.attention_parts import attention_score_parts, check_head, rows_through_heads
from circuitviz.features.feature_edges import Edges, read_vectors_of_node
from circuitviz.features.forward_order import attention_write_stage
from circuitviz.features.node_table import NODE_KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind

MAX_NAMED_NODES = 20
OTHERS_NAME, BIASES_NAME = "all others", "biases"


@dataclass(frozen=True)
class NodeShare:
    """What one node gives, by its name; ``OTHERS_NAME`` and ``BIASES_NAME`` stand for what has no name here."""

    name: str
    value: float


@dataclass(frozen=True)
class HeadChannel:
    """What reaches a target through one head's OV.

    total: from all nodes and the head's constant part; given: from the source that was asked for; own:
    whether the target is a feature of this head's attention, so that the head carries part of its edges;
    sources: the strongest nodes, then the rest, which sum to the total.
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

    value: the target's; edge: from source to target, None without a source. Of a feature of attention
    the edge is the sum over its own layer's heads; of any other target it stays in the residual stream,
    and heads are further ways from the source to the target.
    """

    target: str
    source: str | None
    value: float
    edge: float | None
    heads: tuple[HeadChannel, ...]

    @property
    def is_through_heads(self) -> bool:
        """Whether heads carry the edge itself."""
        return any(one.is_own_layer for one in self.heads)

    @property
    def strongest(self) -> HeadChannel:
        """The head that carries most: of the edge, or of everything; its own layer's heads first."""
        return max(
            self.heads,
            key=lambda one: (
                one.is_own_layer,
                abs(one.total if one.from_source is None else one.from_source),
            ),
        )


@dataclass(frozen=True)
class AttentionScoreBreakdown:
    """Why a head looks from a query's to a key's position, by nodes.

    pattern: the pattern's value there; score: before the softmax; pairs: the strongest ones, (query's
    node, key's node, product); rows, columns: the nodes of those pairs; values: [rows, columns]; by_query,
    by_key: each side's marginals, the strongest first, then the rest, which sum to the score.
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
    edges: Edges, target: Target, source: str | None = None, max_nodes: int = MAX_NAMED_NODES
) -> EdgeChannels:
    """Every head by which something reaches a target; InputError where none can."""
    table = edges.table
    row, _ = edges.row_into(target)
    at = None if source is None else table.index(source)
    own = _attention_layer(table, target)
    found = []
    heads = range(table.run.model.shape.n_heads)
    for layer in _layers_written_before(table, target, own):
        rows, constants = rows_through_heads(edges, target, layer, heads)
        for head, given, constant in zip(heads, rows, constants.tolist(), strict=True):
            found.append(
                HeadChannel(
                    f"a{layer}.h{head}",
                    layer,
                    head,
                    float(given.sum()) + constant,
                    None if at is None else float(given[at]),
                    layer == own,
                    _strongest_shares(table, given, constant, max_nodes),
                )
            )
    if not found:
        raise InputError(
            f"No head writes anything that '{target.node.name}' reads; a feature of a later layer, or one of "
            "attention, would be right."
        )
    edge = None if at is None else float(row[at])
    return EdgeChannels(target.node.name, source, target.value, edge, tuple(found))


def break_down_attention_score(
    table: NodeTable,
    layer: int,
    head: int,
    query: int,
    key: int | None = None,
    max_nodes: int = MAX_NAMED_NODES,
) -> AttentionScoreBreakdown:
    """What a head's score between two positions is made of; key: None, where it looks most from the query."""
    table.check_position(query)
    check_head(table, layer, head)
    pattern = table.run.pattern[layer][head, query, : query + 1]
    if key is None:
        key = int(pattern.argmax())
    parts = attention_score_parts(table, layer, head, query, key)
    queries = [*(table.node(int(i)).name for i in parts.queries), BIASES_NAME]
    keys = [*(table.node(int(i)).name for i in parts.keys), BIASES_NAME]
    width = len(keys)
    order = parts.pairs.abs().flatten().topk(min(max_nodes, parts.pairs.numel())).indices.tolist()
    rows = list(dict.fromkeys(at // width for at in order))
    columns = list(dict.fromkeys(at % width for at in order))
    return AttentionScoreBreakdown(
        head=f"a{layer}.h{head}",
        query=query,
        key=key,
        pattern=float(pattern[key]),
        score=parts.score,
        pairs=tuple(
            (queries[at // width], keys[at % width], float(parts.pairs[at // width, at % width]))
            for at in order
        ),
        rows=tuple(queries[i] for i in rows),
        columns=tuple(keys[j] for j in columns),
        values=tuple(map(tuple, parts.pairs[rows][:, columns].tolist())),
        by_query=_named_shares(queries, parts.by_query, max_nodes),
        by_key=_named_shares(keys, parts.by_key, max_nodes),
    )


def _layers_written_before(table: NodeTable, target: Target, own: int | None) -> list[int]:
    """Layers whose heads write what the target reads, and the one whose heads it is a feature of."""
    reads = target.read_vectors if target.index is None else read_vectors_of_node(table, target.index)
    return [
        layer
        for layer in range(table.run.model.shape.n_layers)
        if layer == own or (reads is not None and reads.stage > attention_write_stage(layer))
    ]


def _attention_layer(table: NodeTable, target: Target) -> int | None:
    """The layer whose attention a target is a feature of."""
    index = target.index
    if index is None or table.kind[index] != NODE_KINDS.index(NodeKind.FEATURE) or not table.part[index]:
        return None
    return int(table.layer[index])


def _strongest_shares(
    table: NodeTable, contributions: Tensor, constant: float, max_nodes: int
) -> tuple[NodeShare, ...]:
    """The nodes that give most, then what is left and what is always there."""
    order = contributions.abs().topk(min(max_nodes, len(contributions))).indices.tolist()
    named = [
        NodeShare(table.node(i).name, float(contributions[i])) for i in order if float(contributions[i]) != 0
    ]
    rest = float(contributions.sum()) - sum(one.value for one in named)
    return (*named, NodeShare(OTHERS_NAME, rest), NodeShare(BIASES_NAME, constant))


def _named_shares(names: list[str], values: Tensor, max_nodes: int) -> tuple[NodeShare, ...]:
    order = values.abs().topk(min(max_nodes, len(values))).indices.tolist()
    found = [NodeShare(names[i], float(values[i])) for i in order]
    rest = float(values.sum()) - sum(one.value for one in found)
    return (*found, NodeShare(OTHERS_NAME, rest)) if len(values) > max_nodes else tuple(found)


__all__ = [
    "BIASES_NAME",
    "OTHERS_NAME",
    "EdgeChannels",
    "HeadChannel",
    "AttentionScoreBreakdown",
    "NodeShare",
    "edge_channels",
    "break_down_attention_score",
]
