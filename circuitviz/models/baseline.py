"""The run with every edge ablated: what a receiver without edges reads, and what it then does.

A receiver's input under a circuit is this run's input plus what the circuit's senders write beyond
their ablation values. A receiver with no edge in the circuit has this run's output, always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuitviz.models.activations import Activations
from circuitviz.models.edits import Edits, Original
from circuitviz.models.model import Hook, Model


@dataclass(eq=False)
class Baseline:
    """Inputs and outputs of all receivers with every edge ablated, on one batch.

    attention, middle: by layer, the stream [batch, time, d] that attention and MLP read; projections:
    by (layer, channel), [batch, time, heads · d_head]; mlps: by layer [batch, time, d], before a
    post-normalisation; final: [batch, d] at the answer position; start: the unpatched stream before the
    first block; embed: the tokens' embeddings; logits: [batch, vocabulary].
    """

    attention: list[Tensor] = field(default_factory=list)
    middle: list[Tensor] = field(default_factory=list)
    projections: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    mlps: dict[int, Tensor] = field(default_factory=dict)
    final: Tensor = field(default_factory=lambda: torch.empty(0))
    start: Tensor = field(default_factory=lambda: torch.empty(0))
    embed: Tensor = field(default_factory=lambda: torch.empty(0))
    logits: Tensor = field(default_factory=lambda: torch.empty(0))


@torch.no_grad()
def baseline(model: Model, tokens: Tensor, positions: Tensor, ablated: Activations) -> Baseline:
    """Run [batch, time] tokens with every edge carrying its sender's ablation value."""
    return _Ablating(model, ablated).run(tokens, positions)


class _Ablating:
    """One pass that knows, at each receiver, the sum of all differences so far."""

    def __init__(self, model: Model, ablated: Activations) -> None:
        self.model, self.ablated = model, ablated
        self.found = Baseline()
        self.total = torch.empty(0)
        self.z = torch.empty(0)

    def run(self, tokens: Tensor, positions: Tensor) -> Baseline:
        model, found = self.model, self.found
        edits = Edits(hooks={"embed.hook_out": self._embed})
        finals: list[Tensor] = []
        for layer, weights in enumerate(model.layers):
            block = f"blocks.{layer}"
            edits.hooks[f"{block}.hook_in"] = self._attention
            for channel in "qkv":
                edits.projections[layer, channel] = self._project(layer, channel)
            edits.hooks[f"{block}.attn.hook_z"] = self._heads(layer)
            if weights.post is not None:
                edits.hooks[f"{block}.ln1_post.hook_in"] = self._normalised_heads(layer)
            if model.shape.mlp:
                if not model.shape.parallel:
                    edits.hooks[weights.before_mlp] = self._middle
                edits.mlps[layer] = self._mlp(layer)
                edits.hooks[weights.after_mlp] = self._after_mlp(layer)
        edits.hooks["ln_final.hook_in"] = finals.append
        with edits.on(model):
            model.logits(tokens, positions)
        rows = torch.arange(len(tokens), device=tokens.device)
        found.final = (finals[0] - self.total)[rows, positions]
        found.logits = model.unembed(found.final)
        return found

    def _embed(self, embed: Tensor) -> None:
        self.found.embed = embed
        self.total = (embed - self.ablated.embed) * self.model.embed_scale

    def _attention(self, stream: Tensor) -> None:
        if not self.found.attention:
            self.found.start = stream
        self.found.attention.append(stream - self.total)
        if self.model.shape.parallel:
            self.found.middle.append(self.found.attention[-1])

    def _middle(self, stream: Tensor) -> None:
        self.found.middle.append(stream - self.total)

    def _project(self, layer: int, channel: str) -> Callable[[Original, Tensor], Tensor]:
        def project(original: Original, _normed: Tensor) -> Tensor:
            norm = self.model.layers[layer].norm
            found = original(norm(self.found.attention[layer]))
            self.found.projections[layer, channel] = found
            return found

        return project

    def _heads(self, layer: int) -> Hook:
        def heads(z: Tensor) -> None:
            self.z = z
            if self.model.layers[layer].post is None:
                self._add_heads(layer)

        return heads

    def _normalised_heads(self, layer: int) -> Hook:
        def heads(written: Tensor) -> None:
            post = self.model.layers[layer].post
            assert post is not None
            self.z = self.z * post.scale(written)
            self._add_heads(layer)

        return heads

    def _add_heads(self, layer: int) -> None:
        beyond = (self.z - self.ablated.z[layer]).flatten(2)
        self.total = self.total + beyond @ self.model.layers[layer].o.flatten(0, 1)

    def _mlp(self, layer: int) -> Callable[[Original, Tensor], Tensor]:
        def mlp(original: Original, _normed: Tensor) -> Tensor:
            norm = self.model.layers[layer].mlp_norm
            assert norm is not None
            found = original(norm(self.found.middle[layer]))
            self.found.mlps[layer] = found
            return found

        return mlp

    def _after_mlp(self, layer: int) -> Hook:
        def after(output: Tensor) -> None:
            self.total = self.total + (output - self.ablated.mlp[layer])

        return after
