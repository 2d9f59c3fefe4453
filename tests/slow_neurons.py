"""The independent truth of neurons as nodes: the plain Hugging Face model, frozen for autograd.

Patterns and scales are detached in the modules themselves, an activation function is its ratio times its
input, and of a gated product both halves keep a gradient. Each token, head and neuron is multiplied by a factor;
``direct`` detaches what it multiplies, so that gradients at the factors are edges instead of whole effects.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn


class SlowNeurons:
    """GPT-2 and Llama with factors ``tokens`` [time], ``heads`` [layer, time, head], ``neurons`` [layer, time, n]."""

    def __init__(self, hf: Any, ids: list[int], direct: bool, are_patterns_held: bool = True) -> None:
        self.are_patterns_held = are_patterns_held
        self.hf, self.ids, self.direct = copy.deepcopy(hf).double().eval(), torch.tensor([ids]), direct
        config = self.hf.config
        self.is_gpt2 = config.model_type == "gpt2"
        self.blocks = self.hf.transformer.h if self.is_gpt2 else self.hf.model.layers
        n_heads = config.n_head if self.is_gpt2 else config.num_attention_heads
        n_neurons = (config.n_inner or 4 * config.n_embd) if self.is_gpt2 else config.intermediate_size
        sizes = {"tokens": (len(ids),), "heads": (len(self.blocks), len(ids), n_heads)}
        sizes["neurons"] = (len(self.blocks), len(ids), n_neurons)
        self.factors = {
            name: torch.ones(size, dtype=torch.float64, requires_grad=True) for name, size in sizes.items()
        }
        self.hidden: dict[int, Tensor] = {}
        self.values: dict[int, dict[str, Tensor]] = {}
        for module in self.hf.modules():
            if hasattr(module, "variance_epsilon"):
                module.forward = lambda x, m=module: x * _held_scale(x, m.variance_epsilon) * m.weight
            elif isinstance(module, nn.LayerNorm):
                module.forward = lambda x, m=module: (
                    (x - x.mean(-1, keepdim=True))
                    * _held_scale(x - x.mean(-1, keepdim=True), m.eps)
                    * m.weight
                    + m.bias
                )
        embedding = self.hf.get_input_embeddings()
        embedding.register_forward_hook(lambda _m, _a, out: self._cut(out) * self.factors["tokens"][:, None])
        for layer, block in enumerate(self.blocks):
            attention, mlp = (block.attn, block.mlp) if self.is_gpt2 else (block.self_attn, block.mlp)
            z = attention.c_proj if self.is_gpt2 else attention.o_proj
            z.register_forward_pre_hook(lambda _m, args, i=layer: (self._scale_heads(i, args[0]),))
            maps = {"z": mlp.c_fc} if self.is_gpt2 else {"u": mlp.up_proj, "g": mlp.gate_proj}
            for name, module in maps.items():
                module.register_forward_hook(
                    lambda _m, _a, out, i=layer, n=name: self.values.setdefault(i, {}).update({n: out})
                )
            last = mlp.c_proj if self.is_gpt2 else mlp.down_proj
            last.register_forward_pre_hook(lambda _m, args, i=layer: (self._scale_neurons(i, args[0]),))

    def run(self) -> Tensor:
        """The logits at the last position; ``hidden`` then has the neurons' activations by layer."""
        with _held_patterns() if self.are_patterns_held else nullcontext():
            return self.hf(self.ids).logits[0, -1]

    def gradients(self, value: Tensor) -> dict[str, Tensor]:
        """The gradients of a value at all factors, by name."""
        found = torch.autograd.grad(value, list(self.factors.values()), allow_unused=True, retain_graph=True)
        pairs = zip(self.factors.items(), found, strict=True)
        return {name: torch.zeros_like(factor) if g is None else g for (name, factor), g in pairs}

    def _cut(self, x: Tensor) -> Tensor:
        return x.detach() if self.direct else x

    def _scale_heads(self, layer: int, z: Tensor) -> Tensor:
        factor = self.factors["heads"][layer][..., None]
        return (self._cut(z).view(1, *factor.shape[:2], -1) * factor).view_as(z)

    def _scale_neurons(self, layer: int, activation: Tensor) -> Tensor:
        values = self.values[layer].values()
        held = activation.detach()
        linear = sum(held / value.detach() * value for value in values) / len(values)
        self.hidden[layer] = linear[0]
        return self._cut(linear) * self.factors["neurons"][layer]


def _held_scale(x: Tensor, eps: float) -> Tensor:
    return (x.detach().pow(2).mean(-1, keepdim=True) + eps).rsqrt()


@contextmanager
def _held_patterns() -> Iterator[None]:
    softmax = nn.functional.softmax
    with patch.object(nn.functional, "softmax", lambda *a, **k: softmax(*a, **k).detach()):
        yield
