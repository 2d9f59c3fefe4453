"""Decomposition of edges through attention by head (OV), and of attention scores by pairs of nodes (QK).

Attribution with frozen patterns does not cover QK: a feature that only makes a head attend somewhere has no
edge. So attention scores are decomposed separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.feature_edges import FeatureEdgeRows, read_vectors_of_node
from circuitviz.features.forward_order import attention_read_stage, attention_write_stage
from circuitviz.features.hook_points import centre_input
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.read_vectors import ReadVectors, pull_back_through_attention
from circuitviz.features.targets import Target
from circuitviz.graph import NodeKind
from circuitviz.models.model import Hook


@dataclass(frozen=True, eq=False)
class AttentionScoreParts:
    """The parts of a head's attention score between two positions, before the softmax.

    Attributes:
        layer: The layer.
        head: The head.
        query: The query's position.
        key: The key's position.
        queries: Rows of the table that are read at the query's position.
        keys: Rows of the table that are read at the key's position.
        pairs: [queries + 1, keys + 1], products over √d_head; the last row and column are the biases. All of
            them add up to ``score``.
        score: The score.
    """

    layer: int
    head: int
    query: int
    key: int
    queries: NDArray[np.intp]
    keys: NDArray[np.intp]
    pairs: Tensor
    score: float

    @property
    def by_query(self) -> Tensor:
        """Each query node's part, over all keys and the biases, [queries + 1]."""
        return self.pairs.sum(1)

    @property
    def by_key(self) -> Tensor:
        """Each key node's part, over all queries and the biases, [keys + 1]."""
        return self.pairs.sum(0)


@torch.no_grad()
def rows_through_heads(
    edges: FeatureEdgeRows, target: Target, layer: int, heads: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Return what every node gives to a target through the OV of some heads of a layer.

    Of an attention feature of that layer, the shares of all heads add up to its row; of a later target, it is
    what reaches it from the head's output on the direct path.

    Returns:
        Contributions [heads, nodes], and the heads' constants [heads].
    """
    reads = [_read_vectors_through_head(edges.table, target, layer, head) for head in heads]
    constants = torch.stack([vectors.constant[0] for vectors in reads])
    spread = torch.cat([vectors.by_position for vectors in reads if vectors.by_position is not None])
    position = np.concatenate([vectors.position for vectors in reads])
    return edges.weights_into(
        ReadVectors(position, attention_read_stage(layer), constants, by_position=spread)
    ), constants


def _read_vectors_through_head(table: NodeTable, target: Target, layer: int, head: int) -> ReadVectors:
    """Return what a target reads of the stream before a layer, through one head."""
    run = table.run
    check_head(table, layer, head)
    heads, inner = run.z[layer].shape[1:]
    index, weights = target.index, run.model.layers[layer]
    value = run.final.new_zeros(run.time, heads, inner)
    of_feature = index is not None and table.kind[index] == NODE_KINDS.index(NodeKind.FEATURE)
    if of_feature and index is not None and table.node(index).site == "a" and table.layer[index] == layer:
        dictionary, position = table.dictionaries[f"a{layer}"], int(table.position[index])
        row = dictionary.encoder_rows(torch.tensor([int(table.item[index])], device=value.device))[0]
        if dictionary.site.reads == "z":
            value[position, head] = row.view(heads, inner)[head]
        else:
            value[position, head] = (
                weights.o[head] @ centre_input(run.model, dictionary, row) * run.post[layer][position]
            )
    else:
        reads = target.read_vectors if index is None else read_vectors_of_node(table, index)
        if reads is None or reads.stage <= attention_write_stage(layer):
            raise InputError(
                f"'{target.node.name}' reads nothing of what a{layer}.h{head} writes; a target of a later "
                "layer, or an attention feature of this one, would be right."
            )
        value[:, head] = reads.spread(run.time)[0] @ weights.o[head].T * run.post[layer]
    everywhere = torch.arange(run.time, device=value.device)
    spread, constant = pull_back_through_attention(run, layer, value, everywhere)
    return ReadVectors(
        np.array([run.time - 1]),
        attention_read_stage(layer),
        constant.sum()[None],
        by_position=spread.sum(0)[None],
    )


@torch.no_grad()
def attention_score_parts(
    table: NodeTable, layer: int, head: int, query: int, key: int
) -> AttentionScoreParts:
    """Decompose a head's attention score between two positions into pairs of nodes.

    a_q a_k (d_q W_Q)(d_k W_K)ᵀ / √d_head, with normalisation scales held and rotary positions applied.

    Raises:
        InputError: Head or positions do not exist, or the model computes scores in another way.
    """
    run, shape = table.run, table.run.model.shape
    check_head(table, layer, head)
    table.check_position(query)
    table.check_position(key)
    if key > query:
        raise InputError(f"The key's position {key} comes after the query's {query}; heads look back.")
    weights, shared = run.model.layers[layer], head // shape.queries_per_kv_head
    scale = run.attention_scale[layer]
    sides = []
    for position, weight, bias in (
        (query, weights.q[head], weights.q_bias[head]),
        (key, weights.k[shared], weights.k_bias[shared]),
    ):
        earlier = table.rows_before(position, attention_read_stage(layer))
        written = table.written if table.later is None else table.written_before(attention_read_stage(layer))
        rows = torch.cat([written[earlier] @ weight * scale[position], bias[None]])
        sides.append((np.arange(earlier.start, earlier.stop), _apply_rotary(table, layer, rows, position)))
    (queries, query_rows), (keys, key_rows) = sides
    size = getattr(run.model.hf.config, "query_pre_attn_scalar", None) or query_rows.shape[1]
    pairs = query_rows @ key_rows.T / size**0.5
    score = _model_score(table, layer, head, query, key)
    if not abs(float(pairs.sum()) - score) <= 1e-3 * max(1.0, abs(score)):
        raise InputError(
            f"The attention scores of '{run.model.name}' are made otherwise than from queries and keys "
            f"alone ({float(pairs.sum()):.4g} from them, {score:.4g} in the model), so they cannot be "
            "shared out among features."
        )
    return AttentionScoreParts(layer, head, query, key, queries, keys, pairs, score)


def _apply_rotary(table: NodeTable, layer: int, rows: Tensor, position: int) -> Tensor:
    """Return rows [n, d_head] as they are at a position, where the model has rotary embeddings."""
    _, kwargs = table.run.model.block_calls(table.run.time)[layer]
    embeddings = kwargs.get("position_embeddings")
    if embeddings is None:
        return rows
    cos, sin = (x[0, position].to(rows) for x in embeddings)
    width = cos.shape[-1]
    rotary_part, other_part = rows[:, :width], rows[:, width:]
    rotated_half = torch.cat([-rotary_part[:, width // 2 :], rotary_part[:, : width // 2]], dim=-1)
    return torch.cat([rotary_part * cos + rotated_half * sin, other_part], dim=-1)


def _model_score(table: NodeTable, layer: int, head: int, query: int, key: int) -> float:
    """Return the model's own score, before the softmax."""
    run = table.run
    captured: list[Tensor] = []
    positions = run.tokens.new_full((1,), run.time - 1)
    hook: Hook = partial(_append_scores, captured)
    with run.model.hooks({f"blocks.{layer}.attn.hook_attn_scores": hook}):
        run.model.logits(run.tokens[None], positions)
    return float(captured[0][0, head, query, key])


def _append_scores(captured: list[Tensor], scores: Tensor) -> None:
    captured.append(scores)


def check_head(table: NodeTable, layer: int, head: int) -> None:
    """Raise InputError for a head that the model does not have."""
    shape = table.run.model.shape
    if not (0 <= layer < shape.n_layers and 0 <= head < shape.n_heads):
        raise InputError(
            f"Head a{layer}.h{head} was given; this model has layers 0 to {shape.n_layers - 1} with heads 0 "
            f"to {shape.n_heads - 1}."
        )
