"""What makes heads attend where they do: nodes that reach a target through attention scores.

With patterns held, a node that only moves attention has no edge. Here the pattern responds, to first order:
with G the effect of a pattern's entries on a target, that of the scores before the softmax is
p · (G − Σ p G), and a score is a product of what is read at the query's and the key's position, with
normalisation scales held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.hook_points import centre_input
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.prompt_run import Run
from circuitviz.graph import NodeKind

MAX_PATTERN_ERROR = 1e-3  # between the model's pattern and that of the scores as they are computed here


@dataclass(frozen=True, eq=False)
class AttentionContributors:
    """Nodes that reach a target through attention scores.

    Attributes:
        nodes: Their rows in the table, ascending.
        effects: [nodes], in units of the target.
    """

    nodes: NDArray[np.intp]
    effects: NDArray[np.float64]


def pull_back_through_scores(run: Run, layer: int, effect: Tensor) -> Tensor:
    """Pull the effect of heads' values back through the attention scores to the stream.

    Args:
        run: The run, whose scales are held.
        layer: The layer.
        effect: Of each head's weighted values (``hook_z``), [time, head, d_head].

    Returns:
        [time, d_model].

    Raises:
        InputError: The model computes its patterns in another way.
    """
    stream, pattern = run.attention_stream[layer], run.pattern[layer]
    weights, n_heads = run.model.layers[layer], run.model.shape.n_heads
    values = torch.einsum("sd,gde->sge", stream * run.attention_scale[layer], weights.v) + weights.v_bias
    values = values.repeat_interleave(n_heads // values.shape[1], dim=1)
    of_pattern = torch.einsum("the,she->hts", effect, values)
    of_scores = pattern * (of_pattern - (pattern * of_pattern).sum(-1, keepdim=True))
    with torch.enable_grad():
        x = stream.detach().requires_grad_()
        scores = _attention_scores(run, layer, x)
        _check_pattern(run, layer, scores.detach())
        (gradient,) = torch.autograd.grad((scores * of_scores).sum(), x)
    return gradient


def value_effect_of_node(table: NodeTable, node: int) -> Tensor | None:
    """Return what a node of attention reads of its layer's heads, [time, head, d_head]; None for others."""
    run, layer, position = table.run, int(table.layer[node]), int(table.position[node])
    if not table.part[node] or layer < 0:
        return None
    heads, inner = run.z[layer].shape[1:]
    effect = run.final.new_zeros(run.time, heads, inner)
    o, post = run.model.layers[layer].o, run.post[layer][position]
    if table.kind[node] == NODE_KINDS.index(NodeKind.HEAD):
        written, head = table.written[node], int(table.item[node])
        effect[position, head] = o[head] @ written / written.square().sum() * post
        return effect
    if table.kind[node] != NODE_KINDS.index(NodeKind.FEATURE):
        return None
    dictionary = table.dictionaries[f"a{layer}"]
    row = dictionary.encoder_rows(table.item_index[node : node + 1])[0]
    if dictionary.site.reads == "z":
        effect[position] = row.view(heads, inner)
    else:
        effect[position] = o @ centre_input(run.model, dictionary, row) * post
    return effect


def _attention_scores(run: Run, layer: int, stream: Tensor) -> Tensor:
    """Return scores before mask and softmax, [head, query, key], with normalisation scales held."""
    weights, shape = run.model.layers[layer], run.model.shape
    x = stream * run.attention_scale[layer]
    queries = torch.einsum("td,hde->hte", x, weights.q) + weights.q_bias[:, None]
    keys = torch.einsum("td,gde->gte", x, weights.k) + weights.k_bias[:, None]
    _, kwargs = run.model.block_calls(run.time)[layer]
    embeddings = kwargs.get("position_embeddings")
    if embeddings is not None:
        cos, sin = (part[0].to(x) for part in embeddings)
        queries, keys = _rotate(queries, cos, sin), _rotate(keys, cos, sin)
    size = getattr(run.model.hf.config, "query_pre_attn_scalar", None) or queries.shape[-1]
    return queries @ keys.repeat_interleave(shape.n_heads // len(keys), dim=0).mT / size**0.5


def _rotate(rows: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return rows [n, time, d_head] with rotary position embeddings [time, width]."""
    width = cos.shape[-1]
    turned, other = rows[..., :width], rows[..., width:]
    half = torch.cat([-turned[..., width // 2 :], turned[..., : width // 2]], dim=-1)
    return torch.cat([turned * cos + half * sin, other], dim=-1)


def _check_pattern(run: Run, layer: int, scores: Tensor) -> None:
    is_visible = run.pattern[layer] > 0
    pattern = scores.masked_fill(~is_visible, float("-inf")).softmax(-1)
    if not float((pattern - run.pattern[layer]).abs().max()) <= MAX_PATTERN_ERROR:
        raise InputError(
            f"The attention patterns of '{run.model.name}' are made otherwise than by a softmax of queries "
            "and keys, so what moves them cannot be attributed; no contributors would be right."
        )
