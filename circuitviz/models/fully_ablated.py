"""The run with every edge ablated: what a receiver without edges reads, and what it then computes.

A receiver's input under a circuit is its input in this run plus the deltas of the circuit's senders. A
receiver with no edge in the circuit always has the output that it has in this run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuitviz.models.forward_overrides import ForwardOverrides, Hook, OriginalForward
from circuitviz.models.model import Model
from circuitviz.models.sender_activations import Activations, head_output_hooks


@dataclass(eq=False)
class FullyAblatedRun:
    """Inputs and outputs of all receivers with every edge ablated, on one batch.

    Attributes:
        resid_pre: By layer, the residual stream that attention reads, [batch, time, d_model].
        resid_mid: By layer, the residual stream that the MLP reads, [batch, time, d_model].
        projections: By (layer, channel), queries, keys or values, [batch, time, heads · d_head].
        mlps: By layer, the MLP's output before a post-normalisation, [batch, time, d_model].
        resid_final: The last residual stream at the answer position, [batch, d_model].
        resid_start: The unpatched stream before the first block, [batch, time, d_model].
        embed: The tokens' embeddings, [batch, time, d_model].
        logits: Logits at the answer position, [batch, vocabulary].
    """

    resid_pre: list[Tensor] = field(default_factory=list)
    resid_mid: list[Tensor] = field(default_factory=list)
    projections: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    mlps: dict[int, Tensor] = field(default_factory=dict)
    resid_final: Tensor = field(default_factory=lambda: torch.empty(0))
    resid_start: Tensor = field(default_factory=lambda: torch.empty(0))
    embed: Tensor = field(default_factory=lambda: torch.empty(0))
    logits: Tensor = field(default_factory=lambda: torch.empty(0))


@torch.no_grad()
def run_fully_ablated(
    model: Model, tokens: Tensor, positions: Tensor, ablated: Activations
) -> FullyAblatedRun:
    """Run a batch with every edge carrying its sender's ablation value.

    Args:
        model: The model.
        tokens: Token ids [batch, time].
        positions: The answer position of each prompt [batch].
        ablated: Ablation values of all senders.
    """
    return _FullAblation(model, ablated).run(tokens, positions)


class _FullAblation:
    """One pass that knows, at each receiver, the sum of the deltas of all senders so far."""

    def __init__(self, model: Model, ablated: Activations) -> None:
        self.model, self.ablated = model, ablated
        self.result = FullyAblatedRun()
        self.total_delta = torch.empty(0)

    def run(self, tokens: Tensor, positions: Tensor) -> FullyAblatedRun:
        model, result = self.model, self.result
        overrides = ForwardOverrides(hooks={self.model.embed_hook: self._on_embed})
        resid_final: list[Tensor] = []
        for layer, weights in enumerate(model.layers):
            block = f"blocks.{layer}"
            overrides.hooks[f"{block}.hook_in"] = self._on_resid_pre
            for channel in "qkv":
                overrides.projections[layer, channel] = self._projection_override(layer, channel)
            overrides.hooks.update(head_output_hooks(model, layer, self._add_heads))
            if model.shape.mlp:
                if not model.shape.parallel:
                    overrides.hooks[weights.mlp_in_hook] = self._on_resid_mid
                overrides.mlps[layer] = self._mlp_override(layer)
                overrides.hooks[weights.mlp_out_hook] = self._mlp_output_hook(layer)
        overrides.hooks["ln_final.hook_in"] = resid_final.append
        with model.overridden(overrides):
            model.logits(tokens, positions)
        rows = torch.arange(len(tokens), device=tokens.device)
        result.resid_final = (resid_final[0] - self.total_delta)[rows, positions]
        result.logits = model.unembed(result.resid_final)
        return result

    def _on_embed(self, embed: Tensor) -> None:
        self.result.embed = embed
        self.total_delta = (embed - self.ablated.embed) * self.model.embed_scale

    def _on_resid_pre(self, stream: Tensor) -> None:
        if not self.result.resid_pre:
            self.result.resid_start = stream
        self.result.resid_pre.append(stream - self.total_delta)
        if self.model.shape.parallel:
            self.result.resid_mid.append(self.result.resid_pre[-1])

    def _on_resid_mid(self, stream: Tensor) -> None:
        self.result.resid_mid.append(stream - self.total_delta)

    def _projection_override(self, layer: int, channel: str) -> Callable[[OriginalForward, Tensor], Tensor]:
        def project(original: OriginalForward, _normed: Tensor) -> Tensor:
            norm = self.model.layers[layer].attn_norm
            output = original(norm(self.result.resid_pre[layer]))
            self.result.projections[layer, channel] = output
            return output

        return project

    def _add_heads(self, layer: int, z: Tensor) -> None:
        delta = (z - self.ablated.z[layer]).flatten(2)
        self.total_delta = self.total_delta + delta @ self.model.layers[layer].o.flatten(0, 1)

    def _mlp_override(self, layer: int) -> Callable[[OriginalForward, Tensor], Tensor]:
        def mlp(original: OriginalForward, _normed: Tensor) -> Tensor:
            norm = self.model.layers[layer].mlp_norm
            assert norm is not None
            output = original(norm(self.result.resid_mid[layer]))
            self.result.mlps[layer] = output
            return output

        return mlp

    def _mlp_output_hook(self, layer: int) -> Hook:
        def after(output: Tensor) -> None:
            self.total_delta = self.total_delta + (output - self.ablated.mlp[layer])

        return after
