"""Vectors in the residual stream that nodes read, with patterns and normalisation scales frozen.

Through a head, a direction at its value is pulled back through W_V (with the normalisation folded in) and
the pattern; through a normalisation, it is multiplied by its weight and scale. What does not depend on the
stream is the constant. Sources: [dunefsky2024transcoders], [ge2024automatically].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import centre_input, folded_value_bias, head_value_bias
from circuitviz.features.prompt_run import PromptRun
from circuitviz.models.norms import Norm


@dataclass(frozen=True, eq=False)
class ReadVectors:
    """What some nodes of one site read: a vector at the node's own position, or one at each position.

    Attributes:
        position: [k], the nodes' positions, ascending, on the host.
        stage: They read what was written at stages below this one.
        constant: [k].
        at_own_position: [k, d_model].
        by_position: [k, time, d_model], through attention.
    """

    position: NDArray[np.intp]
    stage: int
    constant: Tensor
    at_own_position: Tensor | None = None
    by_position: Tensor | None = None

    def spread(self, time: int) -> Tensor:
        """Return the vectors at each position, [k, time, d_model]."""
        if self.by_position is not None:
            return self.by_position
        assert self.at_own_position is not None
        rows, width = self.at_own_position.shape
        vectors = self.at_own_position.new_zeros(rows, time, width)
        for position in np.unique(self.position).tolist():
            at_position = np.flatnonzero(self.position == position)  # contiguous: they are ascending
            of_rows = slice(at_position[0], at_position[-1] + 1)
            vectors[of_rows, position] = self.at_own_position[of_rows]
        return vectors


def pull_back_through_attention(
    run: PromptRun, layer: int, value: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """Pull directions at the heads' values back to the residual stream.

    Args:
        run: The run whose pattern and scales are held.
        layer: The layer.
        value: [k, head, d_head].
        positions: Query positions [k].

    Returns:
        Vectors [k, time, d_model] and constants [k].
    """
    weights = run.model.layers[layer]
    kv, width, inner = weights.v.shape
    grouped = value.view(len(value), kv, -1, inner)
    directions = torch.einsum("kgie,gde->kgid", grouped, weights.v).reshape(len(value), -1, width)
    pattern = run.pattern[layer][:, positions]  # [head, k, key]
    spread = torch.bmm(pattern.permute(1, 2, 0), directions) * run.attention_scale[layer][None]
    bias_part = torch.einsum("khe,he->kh", value, head_value_bias(run.model, layer))
    return spread, (bias_part * pattern.sum(-1).T).sum(-1)


def pull_back_through_mlp_norm(
    run: PromptRun, dictionary: Dictionary, direction: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """Pull directions at a transcoder's input [k, d_in] back to the stream: [k, d_model], constants [k]."""
    layer = dictionary.site.layer
    if dictionary.site.reads == "stream":
        return centre_input(run.model, dictionary, direction), direction.new_zeros(len(direction))
    norm = run.mlp_norm(layer)
    if dictionary.processing.fold_ln:
        norm = replace(norm, weight=torch.ones_like(norm.weight), bias=None)
    return pull_back_through_norm(norm, run.mlp_stream[layer][positions], direction)


def pull_back_through_norm(norm: Norm, stream: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Pull directions at a normalisation's output back to its input, with the scale held.

    Args:
        norm: The normalisation.
        stream: What it reads at each direction's position, [k, d_model].
        direction: [k, d_model].

    Returns:
        Vectors [k, d_model] and constants [k].
    """
    pulled = direction * norm.weight
    if norm.is_centred:
        pulled = pulled - pulled.mean(-1, keepdim=True)
    constant = direction.new_zeros(len(direction)) if norm.bias is None else direction @ norm.bias
    return pulled * norm.normalise_parts(stream)[1], constant


def read_vectors_of_attention_features(
    run: PromptRun, dictionary: Dictionary, index: Tensor, positions: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what attention features read: [k, time, d_model], and constants [k]."""
    layer, rows, bias = dictionary.site.layer, dictionary.encoder_rows(index), dictionary.bias[index]
    heads, inner = run.z[layer].shape[1:]
    if dictionary.site.reads == "z":
        spread, constant = pull_back_through_attention(run, layer, rows.view(-1, heads, inner), positions)
        return spread, constant - rows @ folded_value_bias(run.model, dictionary) + bias
    rows = centre_input(run.model, dictionary, rows)
    value = (
        torch.einsum("hed,kd->khe", run.model.layers[layer].o, rows) * run.post[layer][positions][..., None]
    )
    spread, constant = pull_back_through_attention(run, layer, value, positions)
    return spread, constant + bias + (rows * run.attention_bias_output(layer)[positions]).sum(-1)


def read_vectors_of_heads(
    run: PromptRun, layer: int, head: Tensor, positions: Tensor, written: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what heads read, as dictionaries of one feature: the encoder is their output over its square.

    Args:
        run: The run.
        layer: The layer.
        head: [k].
        positions: [k].
        written: What the heads write, [k, d_model].

    Returns:
        Vectors [k, time, d_model] and constants [k]. The activation is 1, shared out among what the head
        reads.
    """
    unit = written / written.square().sum(-1, keepdim=True).clamp_min(torch.finfo(written.dtype).tiny)
    o = run.model.layers[layer].o[head]  # [k, d_head, d]
    head_direction = torch.einsum("ked,kd->ke", o, unit) * run.post[layer][positions]
    value = head_direction.new_zeros(len(head), run.model.shape.n_heads, o.shape[1])
    value[torch.arange(len(head), device=head.device), head] = head_direction
    return pull_back_through_attention(run, layer, value, positions)


def read_vectors_of_skip(
    run: PromptRun, dictionary: Dictionary, positions: Tensor, written: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what a skip connection reads, as a dictionary of one feature: [k, d_model], constants [k]."""
    assert dictionary.skip is not None
    unit = written / written.square().sum(-1, keepdim=True).clamp_min(torch.finfo(written.dtype).tiny)
    return pull_back_through_mlp_norm(run, dictionary, unit @ dictionary.skip, positions)
