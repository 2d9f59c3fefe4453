"""The independent truth for circuits mixed of heads and features: one prompt at a time, written out.

A GPT-2 in float64 by its Hugging Face weights alone. Every receiver reads a copy of the stream of its own,
so its gradient is autograd's; every feature's activation is made from its own copies, one for queries, one
for keys and one for values. No code of circuitviz's passes, scores or benches is used, but ``encode``.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

Values = dict[str, Tensor]


class SlowOpened:
    """One prompt's forward pass with opened sites; ``listed`` names their features by site."""

    def __init__(self, hf: Any, dictionaries: Mapping[str, Any], listed: Mapping[str, list[int]]) -> None:
        self.hf = copy.deepcopy(hf).double()
        self.body, self.config = self.hf.transformer, self.hf.config
        like = torch.zeros(1, dtype=torch.float64)
        self.dictionaries = {name: one.to(like) for name, one in dictionaries.items()}
        self.listed = listed
        self.size = self.config.n_embd // self.config.n_head

    def z(self, layer: int, q: list[Tensor], k: list[Tensor], v: list[Tensor]) -> Tensor:
        """Values of all heads [time, head, size] from what each head's three inputs read."""
        block, found = self.body.h[layer], []
        for head in range(self.config.n_head):
            made = []
            for channel, x in enumerate((q[head], k[head], v[head])):
                at = channel * self.config.n_embd + head * self.size
                rows = slice(at, at + self.size)
                made.append(block.ln_1(x) @ block.attn.c_attn.weight[:, rows] + block.attn.c_attn.bias[rows])
            scores = made[0] @ made[1].T / self.size**0.5
            future = torch.ones_like(scores).triu(1).bool()
            found.append(scores.masked_fill(future, float("-inf")).softmax(-1) @ made[2])
        return torch.stack(found, 1)

    def output(self, layer: int, z: Tensor) -> Tensor:
        """What values [time, head, size] or [time, head · size] write, without the bias."""
        return z.reshape(len(z), -1) @ self.body.h[layer].attn.c_proj.weight

    def features(self, site: str, read: Tensor) -> Tensor:
        return self.dictionaries[site].encode(read)

    def run(
        self,
        tokens: Tensor,
        embed: Tensor | None = None,
        taps: Values | None = None,
        instead: Mapping[str, Tensor] | None = None,
        outside: Collection[str] = (),
        constant: bool = False,
    ) -> tuple[Tensor, Values, Values]:
        """Logits at the last position, what each node writes [time, d], and features' activations by name.

        taps: filled with what is added to each receiver's copy of the stream; instead: what nodes
        ``outside`` write; constant: errors are held, so that no gradient goes through them.
        """

        def tap(name: str) -> Tensor:
            if taps is None:
                return torch.zeros(())
            taps[name] = torch.zeros(len(tokens), self.config.n_embd).double().requires_grad_()
            return taps[name]

        out: Values = {"input": self.body.wte(tokens) if embed is None else embed}
        acts: Values = {}
        x = self._put("input", out, instead, outside) + self.body.wpe(torch.arange(len(tokens)))
        for layer, block in enumerate(self.body.h):
            x = self._stream(layer, x, out, acts, tap, instead, outside)
            heads, site = range(self.config.n_head), f"a{layer}"
            written = block.attn.c_proj.bias.expand_as(x)
            if site in self.listed:
                plain = [x] * self.config.n_head
                z = self.z(layer, plain, plain, plain)
                one, left = self.dictionaries[site], self.output(layer, z)
                for i in self.listed[site]:
                    name = f"{site}.f{i}"
                    copies = [[x + tap(f"{name}<{c}>")] * self.config.n_head for c in "qkv"]
                    mine = self.z(layer, *copies) if taps is not None else z
                    acts[name] = self.features(site, mine.flatten(1))[:, i]
                    row = one.decoder_rows(torch.tensor([i]))[0]
                    out[name] = self.output(layer, acts[name][:, None] * row)
                    left = left - self.output(layer, self.features(site, z.flatten(1))[:, i, None] * row)
                    written = written + self._put(name, out, instead, outside)
                out[f"{site}.error"] = left.detach() if constant else left
                written = written + self._put(f"{site}.error", out, instead, outside)
            else:
                own = [[x + tap(f"{site}.h{h}<{c}>") for h in heads] for c in "qkv"]
                z = self.z(layer, *own)
                for h in heads:
                    rows = slice(h * self.size, (h + 1) * self.size)
                    out[f"{site}.h{h}"] = z[:, h] @ block.attn.c_proj.weight[rows]
                    written = written + self._put(f"{site}.h{h}", out, instead, outside)
            x = x + written
            x = x + self._mlp(layer, x, out, acts, tap, instead, outside, constant)
        x = self._stream(len(self.body.h), x, out, acts, tap, instead, outside)
        last = self.body.ln_f((x + tap("logits"))[-1])
        return last @ self.hf.lm_head.weight.T, out, acts

    def _stream(
        self, layer: int, x: Tensor, out: Values, acts: Values, tap: Any, instead: Any, outside: Any
    ) -> Tensor:
        """The stream before a layer, made of features and of an error that responds, where it is opened."""
        site, total = f"r{layer}", torch.zeros_like(x)
        if site not in self.listed:
            return x
        error = f"{site}.error"
        copied = x + tap(error)
        left = copied
        for i in self.listed[site]:
            name, row = f"{site}.f{i}", self.dictionaries[site].decoder_rows(torch.tensor([i]))[0]
            left = left - self.features(site, copied)[:, i, None] * row
            acts[name] = self.features(site, x + tap(name))[:, i]
            out[name] = acts[name][:, None] * row
            total = total + self._put(name, out, instead, outside)
        out[error] = left
        return total + self._put(error, out, instead, outside)

    def _mlp(
        self,
        layer: int,
        x: Tensor,
        out: Values,
        acts: Values,
        tap: Any,
        instead: Any,
        outside: Any,
        constant: bool,
    ) -> Tensor:
        block, site = self.body.h[layer], f"m{layer}"
        if site not in self.listed:
            out[site] = block.mlp(block.ln_2(x + tap(site)))
            return self._put(site, out, instead, outside)
        one, total = self.dictionaries[site], torch.zeros_like(x)
        left = block.mlp(block.ln_2(x))
        for i in self.listed[site]:
            name = f"{site}.f{i}"
            copied = x + tap(name)
            stream = one.site.reads == "stream"
            acts[name] = self.features(site, copied if stream else block.ln_2(copied))[:, i]
            row = one.decoder_rows(torch.tensor([i]))[0]
            out[name] = acts[name][:, None] * row
            left = left - out[name]
            total = total + self._put(name, out, instead, outside)
        out[f"{site}.error"] = left.detach() if constant else left
        return total + self._put(f"{site}.error", out, instead, outside)

    @staticmethod
    def _put(name: str, out: Values, instead: Any, outside: Any) -> Tensor:
        return instead[name] if name in outside else out[name]


def difference(logits: Tensor, right: Tensor, wrong: Tensor) -> Tensor:
    """Mean correct minus mean incorrect logit; −1 stands for no answer."""
    return logits[right[right >= 0]].mean() - logits[wrong[wrong >= 0]].mean()
