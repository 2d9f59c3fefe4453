"""Edges into queries and keys with the softmax recomputed: exact in the pattern, linear after it.

For each layer, and a portion of its senders at a time:

1. One copy of the batch for each sender; in it, all heads read queries (or keys) from the stream without the
   sender's delta, through the normalisation of that stream. Everything else is the clean run's.
2. The model's own attention makes scores, patterns and head outputs z' of them, whatever it does to queries
   and keys (rotary embeddings, normalisations, soft caps).
3. An edge's effect is Σ (z − z') · ∂L/∂z over prompts and positions. Where a head's z' depends on its own
   query or key alone, all heads are read from the one copy. Where heads share a normalisation (of queries and
   keys in OLMo 2, of z in BitNet), each query or key head has a copy of its own, and the sum is over all z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas
from circuitviz.discovery.gradients import PATTERN_COPIES
from circuitviz.models import Model
from circuitviz.models.batching import batch_budget_bytes
from circuitviz.models.forward_overrides import ForwardOverrides, OriginalForward
from circuitviz.models.sender_activations import head_rows

MAX_COPIES = 64  # of the batch at once; more are no faster
N_TRIED_POSITIONS = 4  # of a random stream, on which heads are found to be independent
HeadsOfCopies = Mapping[tuple[int, str], Sequence[slice]]
COPY_TENSORS = 12  # streams, projections and outputs of a copy, each as wide as the stream


class PatternEffects:
    """The attention of one batch, run anew with queries or keys that lack a sender.

    Args:
        model: The model.
        deltas: z_u − a_u of all senders.
        streams: By layer, the stream that attention reads in the clean run [batch, time, d_model].
        copies: What ``heads_of_copies`` gives.
    """

    def __init__(
        self, model: Model, deltas: ActivationDeltas, streams: Sequence[Tensor], copies: HeadsOfCopies
    ) -> None:
        self.model, self.deltas, self.streams, self.copies = model, deltas, streams, copies

    @torch.no_grad()
    def of_layer(self, layer: int, gradients: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """Effects of all edges into a layer's queries and keys.

        Args:
            layer: The layer.
            gradients: ∂L/∂z [losses, batch, time, head, d_head].

        Yields:
            Rows of senders, columns of receivers, and their effects, float64 [losses, senders, receivers]:
            sums over prompts and positions.
        """
        model = self.model
        clean, z = _run_clean(model, layer, self.streams[layer])
        first_position = self.deltas.first_changed_position
        gradients = gradients[:, :, first_position:]
        z = z[:, first_position:]
        n_senders, first_column = head_rows(model, layer).start, model.graph.receiver_index[f"a{layer}.h0<q>"]
        size = self._max_copies(*self.streams[layer].shape)
        for channel in "qk":
            n_heads = _count_heads(model, channel)
            for heads in self.copies[layer, channel]:
                columns = slice(first_column + heads.start, first_column + heads.stop)
                for first_row in range(0, n_senders, size):
                    rows = slice(first_row, min(n_senders, first_row + size))
                    patched = self._run_without(layer, channel, heads, rows, clean)[:, first_position:]
                    change = z - patched.view(-1, *z.shape)  # [senders, batch, time, head, d_head]
                    # one product for each head: [head, losses, n] · [head, n, senders]
                    effects = torch.bmm(
                        gradients.permute(3, 0, 1, 2, 4).flatten(2),
                        change.permute(3, 1, 2, 4, 0).flatten(1, 3),
                    )
                    of_columns = effects.double().view(heads.stop - heads.start, -1, *effects.shape[1:])
                    yield rows, columns, of_columns.sum(1).movedim(0, -1)
            first_column += n_heads

    def _run_without(
        self, layer: int, channel: str, heads: slice, rows: slice, clean: dict[str, Tensor]
    ) -> Tensor:
        """Head outputs [senders · batch, time, …]; some queries or keys read the stream without a sender."""
        weights, first_position = self.model.layers[layer], self.deltas.first_changed_position
        stream = self.streams[layer]
        inputs = stream[:, first_position:] - self.deltas.values[rows]
        folded, bias = (of_all[heads] for of_all in weights.channel_weights(channel))
        of_heads = folded.permute(1, 0, 2).flatten(1)[None]
        projected = weights.attn_norm.project(inputs.flatten(0, 2)[None], of_heads, bias.flatten()[None])
        copies, width = len(inputs), folded.shape[-1]

        def repeat(values: Tensor) -> Tensor:
            return values.expand(copies, *values.shape).flatten(0, 1)

        def replace(name: str, _original: OriginalForward, _x: Tensor) -> Tensor:
            if name != channel:
                return repeat(clean[name])
            out = repeat(clean[name])
            later = projected.view(copies * stream.shape[0], -1, projected.shape[-1])
            if later.shape[-1] == out.shape[-1]:
                return torch.cat([out[:, :first_position], later], 1)
            out = out.clone()
            out[:, first_position:, heads.start * width : heads.stop * width] = later
            return out

        return _run_block(self.model, layer, repeat(stream), {n: partial(replace, n) for n in "qkv"})

    def _max_copies(self, batch: int, time: int, width: int) -> int:
        patterns = PATTERN_COPIES * self.model.shape.n_heads * time
        bytes_per_copy = self.streams[0].element_size() * batch * time * (COPY_TENSORS * width + patterns)
        return int(
            max(1, min(MAX_COPIES, batch_budget_bytes(*self.model.placement.devices) / bytes_per_copy))
        )


@torch.no_grad()
def heads_of_copies(model: Model) -> HeadsOfCopies:
    """Which query or key heads are patched in one copy: all, or one each where heads act on one another.

    Tried on a random stream, for all layers before any answer is fetched from the device.

    Args:
        model: The model.

    Returns:
        By layer and channel (``q`` or ``k``), the heads of each copy.
    """
    draw = torch.Generator().manual_seed(0)
    stream = torch.randn(1, N_TRIED_POSITIONS, model.shape.d_model, generator=draw).to(model.empty_stream)
    keys = [(layer, channel) for layer in range(model.shape.n_layers) for channel in "qk"]
    changes = torch.stack([_change_of_other_heads(model, *key, stream) for key in keys])
    copies = {}
    for (layer, channel), change in zip(keys, changes.tolist(), strict=True):
        n_heads = _count_heads(model, channel)
        size = n_heads if change == 0 else 1
        copies[layer, channel] = [slice(head, head + size) for head in range(0, n_heads, size)]
    return copies


def _change_of_other_heads(model: Model, layer: int, channel: str, stream: Tensor) -> Tensor:
    """By how much at most another query or key of the first head changes the z of other heads, a scalar.

    Heads are independent where it is exactly 0: a difference by chance makes the search slower, not wrong.
    """
    projections, z = _run_clean(model, layer, stream)
    n_heads = _count_heads(model, channel)
    readers = model.shape.n_heads // n_heads  # of the first key head
    if readers == model.shape.n_heads:
        return z.new_zeros(())

    def double(_original: OriginalForward, _x: Tensor) -> Tensor:
        changed = projections[channel].clone()
        changed[..., : changed.shape[-1] // n_heads] *= 2
        return changed

    difference = _run_block(model, layer, stream, {channel: double}) - z
    return difference.reshape(*z.shape[:2], model.shape.n_heads, -1)[:, :, readers:].abs().max()


def _count_heads(model: Model, channel: str) -> int:
    return model.shape.n_heads if channel == "q" else model.shape.kv_heads


def _run_clean(model: Model, layer: int, stream: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """A layer's queries, keys and values [batch, time, heads · d_head], and its z."""
    projections: dict[str, Tensor] = {}

    def keep(channel: str, original: OriginalForward, x: Tensor) -> Tensor:
        projections[channel] = original(x)
        return projections[channel]

    z = _run_block(model, layer, stream, {c: partial(keep, c) for c in "qkv"})
    return projections, z


def _run_block(
    model: Model, layer: int, stream: Tensor, projections: Mapping[str, Callable[..., Tensor]]
) -> Tensor:
    """Head outputs of a block with replaced projections; what follows its attention is not computed."""
    kept: list[Tensor] = []
    overrides = ForwardOverrides(hooks={f"blocks.{layer}.attn.hook_z": kept.append})
    for channel, replacement in projections.items():
        overrides.projections[layer, channel] = replacement
    overrides.projections[layer, "o"] = lambda original, z: z.new_zeros(*z.shape[:-1], stream.shape[-1])
    if model.shape.mlp:
        overrides.mlps[layer] = lambda original, x: torch.zeros_like(x)
    model.block_calls(stream.shape[1])  # before the overrides are applied
    with model.overridden(overrides):
        model.block_output(layer, stream)
    return kept[0]
