"""The independent truth of circuits of features: the plain model with hooks on its own modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class SlowModel:
    """The plain Hugging Face model, its parts changed by hooks on its own modules, part by part.

    ``change(site, item, position, value)`` gives what a feature's activation, or a head's or MLP's output, is
    to be; ``parts``: what each site was when the pass went through it. No code of circuitviz's runs is used.
    """

    def __init__(
        self, hf: Any, dictionaries: dict[str, Any], tokens: list[int], errors: str = "kept"
    ) -> None:
        self.hf, self.dictionaries, self.tokens, self.errors = hf, dictionaries, tokens, errors
        self.gpt2 = hf.config.model_type == "gpt2"
        self.blocks = hf.transformer.h if self.gpt2 else hf.gpt_neox.layers
        self.heads = hf.config.n_head if self.gpt2 else hf.config.num_attention_heads
        self.parts: dict[str, Tensor] = {}

    @torch.no_grad()
    def logits(self, change: Callable[[str, Tensor], Tensor]) -> Tensor:
        """Logits at the last position; ``change`` maps a site's items [time, items, …] to new ones."""
        handles = []
        for layer, block in enumerate(self.blocks):
            out = block.attn.c_proj if self.gpt2 else block.attention.dense
            handles.append(out.register_forward_pre_hook(self._attention(f"a{layer}", change)))
            handles.append(block.mlp.register_forward_hook(self._mlp(f"m{layer}", change)))
        try:
            return self.hf(torch.tensor([self.tokens])).logits[0, -1]
        finally:
            for handle in handles:
                handle.remove()

    def _attention(self, site: str, change: Callable[[str, Tensor], Tensor]) -> Any:
        def hook(module: Any, given: tuple[Tensor]) -> tuple[Tensor]:
            z, one = given[0][0], self.dictionaries.get(site)
            if one is None:
                heads = z.view(len(z), self.heads, -1)
                self.parts[site] = heads.clone()
                return (change(site, heads.clone()).reshape(1, *z.shape),)
            return (self._spliced(site, z, z, change)[None],)

        return hook

    def _mlp(self, site: str, change: Callable[[str, Tensor], Tensor]) -> Any:
        def hook(module: Any, given: tuple[Tensor], out: Tensor) -> Tensor:
            one = self.dictionaries.get(site)
            if one is None:
                self.parts[site] = out[0][:, None].clone()
                return change(site, out[0][:, None].clone())[:, 0][None]
            return self._spliced(site, given[0][0] if one.site.is_transcoder else out[0], out[0], change)[
                None
            ]

        return hook

    def _spliced(
        self, site: str, read: Tensor, wrote: Tensor, change: Callable[[str, Tensor], Tensor]
    ) -> Tensor:
        one = self.dictionaries[site]
        value = read @ one.encoder + one.bias
        if one.architecture == "topk":
            least = value.topk(one.k, dim=-1).values[:, -1:]
            value = value * (value >= least)
        own = value.relu() if one.threshold is None else value * (value > one.threshold)
        self.parts[site] = own.clone()
        new = change(site, own.clone())
        skipped = 0.0 if one.skip is None else read @ one.skip.T
        error = wrote - (own @ one.decoder + one.decoder_bias + skipped)
        return new @ one.decoder + one.decoder_bias + skipped + (error if self.errors == "kept" else 0.0)


def row(name: str) -> tuple[str, int, int]:
    """Site, item and position of a node's name."""
    site, _, rest = name.partition(".")
    if not rest:
        site, _, position = name.partition("@")
        return site, 0, int(position)
    item, _, position = rest.partition("@")
    return site, int(item[1:]), int(position)


def slow_circuit(
    slow: SlowModel,
    inside: set[str],
    instead: dict[str, Tensor] | None,
    factors: dict[str, float] | None = None,
    whole: bool = False,
) -> Tensor:
    """Logits with everything outside a circuit replaced; ``whole``: everything inside it instead."""
    places = [row(name) for name in inside if name.split("@")[0].split(".")[-1] not in ("error", "skip")]

    def change(site: str, value: Tensor) -> Tensor:
        other = torch.zeros_like(value) if instead is None else instead[site].expand_as(value)
        new = value.clone() if whole else other.clone()
        for at, item, position in places:
            if at == site and position < len(value):
                new[position, item] = (other if whole else value)[position, item]
        for name, factor in (factors or {}).items():
            at, item, position = row(name)
            if at == site:
                new[position, item] = value[position, item] * factor
        return new

    return slow.logits(change)
