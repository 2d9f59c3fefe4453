"""By which channel an edge between features runs: the residual stream, or the values of a named head."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.edges import Edges, reads_of_node
from circuitviz.features.heads import check_head, score_parts, through_heads_of
from circuitviz.features.stages import attention_writes
from circuitviz.features.table import KINDS, NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import Kind

TOP = 20
OTHERS, BIASES = "all others", "biases"


@dataclass(frozen=True)
class Share:
    """What one node gives, by its name; ``OTHERS`` and ``BIASES`` stand for what has no name here."""

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
    index: int
    total: float
    given: float | None
    own: bool
    sources: tuple[Share, ...]


@dataclass(frozen=True)
class Channels:
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
    def own(self) -> bool:
        """Whether heads carry the edge itself."""
        return any(one.own for one in self.heads)

    @property
    def strongest(self) -> HeadChannel:
        """The head that carries most: of the edge, or of everything; its own layer's heads first."""
        return max(self.heads, key=lambda one: (one.own, abs(one.total if one.given is None else one.given)))


@dataclass(frozen=True)
class ScoreSeen:
    """Why a head looks from a query's to a key's position, by nodes.

    attention: the pattern's value there; score: before the softmax; pairs: the strongest ones, (query's
    node, key's node, product); rows, columns: the nodes of those pairs; values: [rows, columns]; by_query,
    by_key: each side's marginals, the strongest first, then the rest, which sum to the score.
    """

    head: str
    query: int
    key: int
    attention: float
    score: float
    pairs: tuple[tuple[str, str, float], ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    by_query: tuple[Share, ...]
    by_key: tuple[Share, ...]


def channels(edges: Edges, target: Target, source: str | None = None, top: int = TOP) -> Channels:
    """Every head by which something reaches a target; InputError where none can."""
    table = edges.table
    row, _ = edges.into(target)
    at = None if source is None else table.index(source)
    own = _own_layer(table, target)
    found = []
    heads = range(table.run.model.shape.n_heads)
    for layer in _layers(table, target, own):
        rows, constants = through_heads_of(edges, target, layer, heads)
        for head, given, constant in zip(heads, rows, constants.tolist(), strict=True):
            found.append(
                HeadChannel(
                    f"a{layer}.h{head}",
                    layer,
                    head,
                    float(given.sum()) + constant,
                    None if at is None else float(given[at]),
                    layer == own,
                    _strongest(table, given, constant, top),
                )
            )
    if not found:
        raise InputError(
            f"No head writes anything that '{target.node.name}' reads; a feature of a later layer, or one of "
            "attention, would be right."
        )
    edge = None if at is None else float(row[at])
    return Channels(target.node.name, source, target.value, edge, tuple(found))


def seen_score(
    table: NodeTable, layer: int, head: int, query: int, key: int | None = None, top: int = TOP
) -> ScoreSeen:
    """What a head's score between two positions is made of; key: None, where it looks most from the query."""
    table.check_position(query)
    check_head(table, layer, head)
    pattern = table.run.pattern[layer][head, query, : query + 1]
    if key is None:
        key = int(pattern.argmax())
    parts = score_parts(table, layer, head, query, key)
    queries = [*(table.node(int(i)).name for i in parts.queries), BIASES]
    keys = [*(table.node(int(i)).name for i in parts.keys), BIASES]
    width = len(keys)
    order = parts.pairs.abs().flatten().topk(min(top, parts.pairs.numel())).indices.tolist()
    rows = list(dict.fromkeys(at // width for at in order))
    columns = list(dict.fromkeys(at % width for at in order))
    return ScoreSeen(
        head=f"a{layer}.h{head}",
        query=query,
        key=key,
        attention=float(pattern[key]),
        score=parts.score,
        pairs=tuple(
            (queries[at // width], keys[at % width], float(parts.pairs[at // width, at % width]))
            for at in order
        ),
        rows=tuple(queries[i] for i in rows),
        columns=tuple(keys[j] for j in columns),
        values=tuple(map(tuple, parts.pairs[rows][:, columns].tolist())),
        by_query=_named(queries, parts.by_query, top),
        by_key=_named(keys, parts.by_key, top),
    )


def _layers(table: NodeTable, target: Target, own: int | None) -> list[int]:
    """Layers whose heads write what the target reads, and the one whose heads it is a feature of."""
    reads = target.reads if target.index is None else reads_of_node(table, target.index)
    return [
        layer
        for layer in range(table.run.model.shape.n_layers)
        if layer == own or (reads is not None and reads.stage > attention_writes(layer))
    ]


def _own_layer(table: NodeTable, target: Target) -> int | None:
    """The layer whose attention a target is a feature of."""
    index = target.index
    if index is None or table.kind[index] != KINDS.index(Kind.FEATURE) or not table.part[index]:
        return None
    return int(table.layer[index])


def _strongest(table: NodeTable, given: Tensor, constant: float, top: int) -> tuple[Share, ...]:
    """The nodes that give most, then what is left and what is always there."""
    order = given.abs().topk(min(top, len(given))).indices.tolist()
    named = [Share(table.node(i).name, float(given[i])) for i in order if float(given[i]) != 0]
    rest = float(given.sum()) - sum(one.value for one in named)
    return (*named, Share(OTHERS, rest), Share(BIASES, constant))


def _named(names: list[str], values: Tensor, top: int) -> tuple[Share, ...]:
    order = values.abs().topk(min(top, len(values))).indices.tolist()
    found = [Share(names[i], float(values[i])) for i in order]
    rest = float(values.sum()) - sum(one.value for one in found)
    return (*found, Share(OTHERS, rest)) if len(values) > top else tuple(found)


__all__ = ["BIASES", "OTHERS", "Channels", "HeadChannel", "ScoreSeen", "Share", "channels", "seen_score"]
