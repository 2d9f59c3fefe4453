"""Edges through attention scores between the nodes of a circuit, their tokens, pairs and ledger.

An edge ends at the node that reads what the heads move: an attention feature, a head that is a node, or,
where edges pass through heads, whatever reads them. What reaches scores through nodes that are not in the
circuit ends at the target, so that each node's edges add up to what it counts through scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.attention_contributors import SIDES, AttentionScores, value_effect_of_node
from circuitviz.features.channels import covectors_by_stage
from circuitviz.features.feature_edges import FeatureEdgeRows, read_vectors_of_node
from circuitviz.features.forward_order import attention_read_stage, attention_write_stage
from circuitviz.features.frozen_effects import effect_of_head_values, total_effects_by_stage
from circuitviz.features.local_circuits import LocalCircuit
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.read_vectors import ReadVectors

MAX_PAIRS = 50  # query–key pairs that are kept, the strongest
ROUNDING_SHARE = 1e-5  # of a node's effect, what is no edge of its own


@dataclass(frozen=True, slots=True)
class AttentionLedger:
    """What scores that move attention are made of, times what they count for the target, to first order.

    All terms of one side add up to the same sum: each product of a query and a key is counted once on either
    side.

    Attributes:
        queries: The circuit's nodes, as queries.
        other_queries: All other nodes.
        query_biases: Biases.
        keys: The circuit's nodes, as keys.
        other_keys: All other nodes.
        key_biases: Biases.
    """

    queries: float
    other_queries: float
    query_biases: float
    keys: float
    other_keys: float
    key_biases: float

    @property
    def total(self) -> float:
        """The sum of either side."""
        return self.queries + self.other_queries + self.query_biases


@dataclass(frozen=True)
class ScorePlace:
    """Where most of an edge through scores comes from: a head, and positions of query and key."""

    head: str
    query: int
    key: int


@dataclass(frozen=True)
class QueryKeyPair:
    """A pair of nodes whose product is part of a head's scores.

    Attributes:
        query: Name of the query's node.
        key: Name of the key's node.
        head: Name of the head.
        effect: What the pair counts for the target, to first order.
    """

    query: str
    key: str
    head: str
    effect: float


@dataclass(frozen=True, eq=False)
class ScoreEdges:
    """Edges through attention scores of a circuit.

    Attributes:
        weights: [sides, nodes + 1, nodes], into × from; the last row is the target.
        places: By (side, into, from), where most of the edge comes from.
        pairs: The strongest query–key pairs.
        ledger: What scores are made of.
    """

    weights: NDArray[np.float64]
    places: dict[tuple[int, int, int], ScorePlace]
    pairs: tuple[QueryKeyPair, ...]
    ledger: AttentionLedger


@torch.no_grad()
def attention_score_edges(edges: FeatureEdgeRows, circuit: LocalCircuit) -> ScoreEdges:
    """Return the edges through attention scores of a circuit that has contributors.

    Args:
        edges: Edges of the prompt's nodes.
        circuit: The circuit.
    """
    assert circuit.contributors is not None
    table, nodes = circuit.table, circuit.nodes
    effects, at_stage = total_effects_by_stage(table, circuit.target, through_scores=True)
    share = (effects / table.activation)[torch.from_numpy(nodes).to(effects.device)]
    readers: dict[int, list[tuple[int, Tensor]]] = {}  # by layer: row, effect of its heads' values
    for row, node in enumerate(nodes.tolist()):
        for layer, effect in _head_effects_of_node(table, node):
            readers.setdefault(layer, []).append((row, effect * share[row]))
    columns = torch.from_numpy(nodes).to(effects.device)
    positions = table.position_index[columns]
    weights = np.zeros((len(SIDES), len(nodes) + 1, len(nodes)))
    places: dict[tuple[int, int, int], ScorePlace] = {}
    pairs: list[QueryKeyPair] = []
    ledger = np.zeros((len(SIDES), 3))
    names = [table.node(int(node)).name for node in nodes]
    for layer in range(table.run.model.shape.n_layers):
        scores, stage = AttentionScores(table.run, layer), attention_read_stage(layer)
        queries, keys = scores.parts(table.written_before(stage)[columns], positions)
        by_key = torch.einsum("nhe,she->nhs", queries, scores.keys.detach()) / scores.divisor
        by_query = torch.einsum("the,nhe->nht", scores.queries.detach(), keys) / scores.divisor
        for row, effect in readers.get(layer, []):
            of_scores = scores.effect_of_scores(effect)
            rows = _rows_into_scores(edges, layer, scores.pull_back(of_scores))
            weights[:, row] += rows[:, columns].double().cpu().numpy()
            parts = (of_scores[:, positions].transpose(0, 1) * by_key,
                     of_scores[:, :, positions].permute(2, 0, 1) * by_query)  # fmt: skip
            for side, part in enumerate(parts):
                places |= _places_of(layer, side, row, part, positions.tolist())
        of_scores = scores.effect_of_scores(
            effect_of_head_values(table, layer, at_stage[attention_write_stage(layer)])
        )
        pairs += _pairs_of_layer(layer, scores, of_scores, queries, keys, positions, names)
        ledger += _ledger_of_layer(edges, circuit, layer, scores, of_scores)
    whole = circuit.contributors.by_side[:, nodes]
    rest = whole - weights.sum(1)
    weights[:, -1] = np.where(np.abs(rest) > ROUNDING_SHARE * np.abs(whole), rest, 0.0)
    strongest = sorted(pairs, key=lambda pair: -abs(pair.effect))[:MAX_PAIRS]
    return ScoreEdges(weights, places, tuple(strongest), AttentionLedger(*ledger.ravel().tolist()))


def _head_effects_of_node(table: NodeTable, node: int) -> Iterator[tuple[int, Tensor]]:
    """Yield the layers whose heads a node reads without another node between, and what of their values."""
    if table.is_leaf[node]:
        return
    own = value_effect_of_node(table, node)
    if own is not None:
        yield int(table.layer[node]), own
    transparent = [i for i in range(table.run.model.shape.n_layers) if table.is_transparent(i)]
    reads = read_vectors_of_node(table, node)
    if reads is None or not transparent:
        return
    for first, end, vectors in covectors_by_stage(table, reads):
        for layer in transparent:
            if first <= attention_write_stage(layer) < end:
                yield layer, effect_of_head_values(table, layer, vectors[0])


def _rows_into_scores(edges: FeatureEdgeRows, layer: int, read: Tensor) -> Tensor:
    """Return what all nodes give to what scores read of the stream [k, time, d_model]: [k, nodes]."""
    last = np.full(len(read), edges.table.run.time - 1)
    constant = read.new_zeros(len(read))
    return edges.weights_into(ReadVectors(last, attention_read_stage(layer), constant, by_position=read))


def _places_of(
    layer: int, side: int, row: int, parts: Tensor, positions: list[int]
) -> dict[tuple[int, int, int], ScorePlace]:
    """Return the strongest head and position of each node's parts, [n, head, position of the other side]."""
    time = parts.shape[2]
    best = parts.abs().flatten(1).max(1)
    places = {}
    for column, (size, index) in enumerate(zip(best.values.tolist(), best.indices.tolist(), strict=True)):
        if size:
            other, own = index % time, positions[column]
            query, key = (own, other) if side == 0 else (other, own)
            places[side, row, column] = ScorePlace(f"a{layer}.h{index // time}", query, key)
    return places


def _pairs_of_layer(
    layer: int,
    scores: AttentionScores,
    of_scores: Tensor,
    queries: Tensor,
    keys: Tensor,
    positions: Tensor,
    names: list[str],
) -> list[QueryKeyPair]:
    """Return the strongest pairs of the circuit's nodes in a layer's scores."""
    found = []
    for head in range(queries.shape[1]):
        effect = of_scores[head][positions][:, positions] * (queries[:, head] @ keys[:, head].T)
        effect = effect / scores.divisor
        best = effect.abs().flatten().topk(min(MAX_PAIRS, effect.numel())).indices
        values = effect.flatten()[best].tolist()
        for index, value in zip(best.tolist(), values, strict=True):
            query, key = divmod(index, len(names))
            if value:
                found.append(QueryKeyPair(names[query], names[key], f"a{layer}.h{head}", value))
    return found


def _ledger_of_layer(
    edges: FeatureEdgeRows, circuit: LocalCircuit, layer: int, scores: AttentionScores, of_scores: Tensor
) -> NDArray[np.float64]:
    """Return what a layer's scores are made of, [sides, (the circuit's nodes, other nodes, biases)]."""
    rows = _rows_into_scores(edges, layer, scores.pull_back(of_scores)).double().cpu().numpy()
    whole = float((scores.scores.detach() * of_scores).sum())
    in_circuit = np.zeros(len(circuit.table), bool)
    in_circuit[circuit.nodes] = True
    is_other = ~in_circuit & ~circuit.table.is_bias
    kept, other = rows[:, in_circuit].sum(1), rows[:, is_other].sum(1)
    return np.stack([kept, other, whole - kept - other], axis=1)
