"""The masked forward pass with a real weight for every edge, differentiable in the weights.

A receiver reads x_v = (fully ablated run's input) + Σ_u w_uv · (out_u − a_u): with weights 0 and 1 the
patched pass of ``PatchedRun``, in between a mixture. One pass and its backward pass cost those of the plain
model and one product of senders and receivers for each layer; no tensor of senders × receivers × positions
is made.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from circuitviz.models.buffers import BufferPool
from circuitviz.models.forward_overrides import ForwardOverrides, OriginalForward
from circuitviz.models.fully_ablated import run_fully_ablated
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import Activations, head_output_hooks, head_rows, mlp_row
from circuitviz.models.weighted_sums import DeltaStore, HeadMaps, ReadHeads, ReadSum, WriteDelta, WriteHeads


class WeightedRun:
    """Passes over one batch with weighted edges.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        ablated: Ablation values of all senders.
        buffers: Memory that runs share; a pass's gradient has to be taken before the next pass.
    """

    def __init__(
        self, model: Model, tokens: Tensor, positions: Tensor, ablated: Activations, buffers: BufferPool
    ) -> None:
        self.model, self.positions, self.ablated, self.buffers = model, positions, ablated, buffers
        self.first_changed_position = min(ablated.first_changed_position, int(positions.min()))
        self.fully_ablated = run_fully_ablated(model, tokens, positions, ablated)
        later = tokens.shape[1] - self.first_changed_position
        rows = torch.arange(len(tokens), device=tokens.device)
        self.answer_places = rows * later + positions - self.first_changed_position

    def logits(self, weights: Tensor) -> Tensor:
        """Logits with each edge weighted.

        Args:
            weights: 0 where an edge carries its ablation value, 1 where it carries its sender's output,
                [senders, receivers].

        Returns:
            Logits [batch, vocabulary], through which gradients reach the weights.
        """
        model = self.model
        model.block_calls(self.fully_ablated.resid_start.shape[1])  # before the overrides are applied
        weighted = _WeightedPass(self, weights)
        with torch.enable_grad():
            return model.logits_from_layer(
                self.fully_ablated.resid_start, 0, self.positions, weighted.overrides()
            )


class _WeightedPass:
    """Overrides of one pass, which store what senders write and give receivers their sums."""

    def __init__(self, run: WeightedRun, weights: Tensor) -> None:
        self.run, self.model, self.weights = run, run.model, weights
        base = self._later(run.fully_ablated.embed)
        self.store = DeltaStore(len(weights), base, run.buffers)
        embed_delta = run.fully_ablated.embed - run.ablated.embed
        self.store.values[0] = self._later(embed_delta) * self.model.embed_scale
        self.token = weights.new_zeros((), requires_grad=True)
        self.projections: dict[str, Tensor] = {}

    def overrides(self) -> ForwardOverrides:
        """The overrides of all layers."""
        model, overrides = self.model, ForwardOverrides(final_residual=self._final_residual)
        for layer, weights in enumerate(model.layers):
            for channel in "qkv":
                overrides.projections[layer, channel] = partial(self._project_channel, layer, channel)
            overrides.hooks.update(head_output_hooks(model, layer, self._write_heads))
            if weights.post_norm is None:  # the stream itself is not read
                overrides.projections[layer, "o"] = _skip_output
            if model.shape.mlp:
                overrides.mlps[layer] = partial(self._run_mlp, layer)
                overrides.hooks[weights.mlp_out_hook] = partial(self._write_mlp, layer)
        return overrides

    def _later(self, values: Tensor) -> Tensor:
        """Values [batch, time, d_model] from the first changed position on, [n, d_model]."""
        return values[:, self.run.first_changed_position :].flatten(0, 1)

    def _project_channel(self, layer: int, channel: str, _original: OriginalForward, _x: Tensor) -> Tensor:
        if channel == "q":
            self._project(layer)
        later = self.projections[channel]
        constant = self.run.fully_ablated.projections[layer, channel]
        later = later.permute(1, 0, 2).reshape(len(constant), -1, constant.shape[-1])
        first_position = self.run.first_changed_position
        return torch.cat([constant[:, :first_position], later], 1) if first_position else later

    def _project(self, layer: int) -> None:
        """Queries, keys and values of a layer, [head, n, d_head] each."""
        model, run, weights = self.model, self.run, self.model.layers[layer]
        maps = [HeadMaps(*weights.channel_weights(channel)) for channel in "qkv"]
        counts = [len(of_channel.folded) for of_channel in maps]
        first = model.graph.receiver_index[f"a{layer}.h0<q>"]
        columns = self.weights[: head_rows(model, layer).start, first : first + sum(counts)]
        base = self._later(run.fully_ablated.resid_pre[layer])
        projected = ReadHeads.apply(self.token, columns, base, self.store, weights.attn_norm, maps)
        self.projections = dict(zip("qkv", projected.split(counts), strict=True))

    def _run_mlp(self, layer: int, original: OriginalForward, _x: Tensor) -> Tensor:
        model, run, norm = self.model, self.run, self.model.layers[layer].mlp_norm
        assert norm is not None
        rows, column = head_rows(model, layer), model.graph.receiver_index[f"m{layer}"]
        n_senders = rows.start if model.shape.parallel else rows.stop
        base = self._later(run.fully_ablated.resid_mid[layer])
        summed = ReadSum.apply(self.token, self.weights[:n_senders, column], base, self.store, None)
        constant, first_position = run.fully_ablated.mlps[layer], run.first_changed_position
        out = original(norm(summed.view(len(constant), -1, summed.shape[-1])))
        return torch.cat([constant[:, :first_position], out], 1) if first_position else out

    def _final_residual(self, answer_residual: Tensor) -> Tensor:
        run = self.run
        return ReadSum.apply(
            self.token, self.weights[:, -1], run.fully_ablated.resid_final, self.store, run.answer_places
        )

    def _write_heads(self, layer: int, z: Tensor) -> None:
        delta = (z - self.run.ablated.z[layer])[:, self.run.first_changed_position :]
        by_head = delta.permute(2, 0, 1, 3).flatten(1, 2)
        rows = head_rows(self.model, layer)
        self.token = WriteHeads.apply(self.token, by_head, self.model.layers[layer].o, self.store, rows)

    def _write_mlp(self, layer: int, output: Tensor) -> None:
        delta = self._later(output - self.run.ablated.mlp[layer])
        self.token = WriteDelta.apply(self.token, delta, self.store, mlp_row(self.model, layer))


def _skip_output(_original: OriginalForward, z: Tensor) -> Tensor:
    """What attention would write to the stream, which nothing reads: as wide as its input, or wider."""
    return z
