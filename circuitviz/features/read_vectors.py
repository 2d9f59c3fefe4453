"""What a node reads, as vectors in the residual stream: patterns and scales of the run stay as they are.

Through a head, a direction at its value comes back through W_V (with the normalisation folded in), times
the pattern; through a normalisation, times its weight and scale. Everything that is the same whatever
the stream holds is the constant. (METHODS: Feature level; Dunefsky et al. 2024, Ge et al. 2024)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import centre_input, folded_value_bias
from circuitviz.features.prompt_run import Run


@dataclass(frozen=True, eq=False)
class ReadVectors:
    """What some nodes of one site read.

    position: [k]; stage: they read what was written before it; constant: [k]. point: [k, d], the vector
    at each node's own position; spread: [k, time, d], one at each position (through attention).
    """

    position: Tensor
    stage: int
    constant: Tensor
    at_own_position: Tensor | None = None
    by_position: Tensor | None = None


def pull_back_through_attention(run: Run, layer: int, value: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Pull directions at the heads' values back to the stream.

    value: [k, head, d_head], at query positions ``at`` [k]. Returns [k, time, d] and constants [k].
    """
    weights = run.model.layers[layer]
    kv, width, inner = weights.v.shape
    grouped = value.view(len(value), kv, -1, inner)
    directions = torch.einsum("kgie,gde->kgid", grouped, weights.v).reshape(len(value), -1, width)
    pattern = run.pattern[layer][:, at]  # [head, k, key]
    spread = torch.bmm(pattern.permute(1, 2, 0), directions) * run.attention_scale[layer][None]
    always = torch.einsum("khe,he->kh", value, run.head_value_bias(layer))
    return spread, (always * pattern.sum(-1).T).sum(-1)


def pull_back_through_mlp_norm(
    run: Run, one: Dictionary, direction: Tensor, at: Tensor
) -> tuple[Tensor, Tensor]:
    """Pull directions at what a transcoder reads back to the stream: [k, d_in] → [k, d], constants."""
    layer = one.site.layer
    none = direction.new_zeros(len(direction))
    if one.site.reads == "stream":
        return centre_input(run.model, one, direction), none
    norm = run.mlp_norm(layer)
    raw = not one.processing.fold_ln
    pulled = direction * norm.weight if raw else direction
    if norm.is_centred:
        pulled = pulled - pulled.mean(-1, keepdim=True)
    scale = norm.normalise_parts(run.mlp_stream[layer][at])[1]
    return pulled * scale, direction @ norm.bias if raw and norm.bias is not None else none


def read_vectors_of_attention_features(
    run: Run, one: Dictionary, index: Tensor, at: Tensor
) -> tuple[Tensor, Tensor]:
    """What attention features read: [k, time, d] and constants [k]."""
    layer, rows, bias = one.site.layer, one.encoder_rows(index), one.bias[index]
    heads, inner = run.z[layer].shape[1:]
    if one.site.reads == "z":
        spread, constant = pull_back_through_attention(run, layer, rows.view(-1, heads, inner), at)
        return spread, constant - rows @ folded_value_bias(run.model, one) + bias
    rows = centre_input(run.model, one, rows)
    value = torch.einsum("hed,kd->khe", run.model.layers[layer].o, rows) * run.post[layer][at][..., None]
    spread, constant = pull_back_through_attention(run, layer, value, at)
    return spread, constant + bias + (rows * run.attention_bias_output(layer)[at]).sum(-1)


def read_vectors_of_heads(
    run: Run, layer: int, head: Tensor, at: Tensor, written: Tensor
) -> tuple[Tensor, Tensor]:
    """What heads read, as dictionaries of one feature: its encoder is their output over its square.

    head, at: [k]; written: [k, d]. The activation is 1, shared out among what the head reads.
    """
    unit = written / written.square().sum(-1, keepdim=True).clamp_min(torch.finfo(written.dtype).tiny)
    o = run.model.layers[layer].o[head]  # [k, d_head, d]
    own = torch.einsum("ked,kd->ke", o, unit) * run.post[layer][at]
    value = own.new_zeros(len(head), run.model.shape.n_heads, o.shape[1])
    value[torch.arange(len(head)), head] = own
    return pull_back_through_attention(run, layer, value, at)


def read_vectors_of_skip(run: Run, one: Dictionary, at: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
    """What a skip connection reads, as a dictionary of one feature: [k, d] and constants [k]."""
    assert one.skip is not None
    unit = written / written.square().sum(-1, keepdim=True).clamp_min(torch.finfo(written.dtype).tiny)
    return pull_back_through_mlp_norm(run, one, unit @ one.skip, at)


def pull_back_through_final_norm(run: Run, direction: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Pull directions at the unembedding's input back to the last stream: [k, d], constants [k]."""
    norm = run.model.final_norm
    pulled = direction * norm.weight
    if norm.is_centred:
        pulled = pulled - pulled.mean(-1, keepdim=True)
    scale = norm.normalise_parts(run.final[at])[1]
    constant = direction @ norm.bias if norm.bias is not None else direction.new_zeros(len(direction))
    return pulled * scale, constant
