"""The independent truth: a transformer written out receiver by receiver, in float64.

No line of circuitviz is used. A plain Hugging Face model gives weights, normalisations, MLPs and
rotary embeddings; every receiver's input is the sum of the senders' outputs, changed edge by edge, as methods.md
defines it. Edges are named as in files: ``a0.h1->a2.h3<q>``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Outputs = dict[str, Tensor]


class SlowModel:
    """GPT-2, GPT-NeoX, Llama and Gemma-2. ``run`` gives logits at a position and senders' outputs.

    Where a block normalises what attention writes, a head's output is its share of the normalised
    sum: its own raw output, times the weight, over the scale of the heads' sum in that run.
    """

    def __init__(self, hf: Any) -> None:
        self.hf = hf.double().eval()
        config = hf.config
        self.gpt2 = config.model_type in ("gpt2", "circuitviz-plain")
        self.neox = config.model_type == "gpt_neox"
        self.gemma = config.model_type == "gemma2"
        self.mlps = getattr(config, "intermediate_size", 1) != 0
        self.heads = config.n_head if self.gpt2 else config.num_attention_heads
        grouped = getattr(config, "num_key_value_heads", None)
        self.kv = self.heads if self.gpt2 or self.neox or not grouped else grouped
        body = self.hf.transformer if self.gpt2 else self.hf.gpt_neox if self.neox else self.hf.model
        self.body = body
        self.blocks = body.h if self.gpt2 else body.layers
        width = config.n_embd if self.gpt2 else config.hidden_size
        for name, module in list(self.hf.named_modules()):
            if hasattr(module, "variance_epsilon"):  # computes in float32, whatever it is given
                self.hf.set_submodule(name, _Rms(module.weight, module.variance_epsilon))
            elif self.gemma and "norm" in name.rpartition(".")[2]:
                self.hf.set_submodule(name, _Rms(1 + module.weight.data, module.eps))
        self.size = getattr(config, "head_dim", None) or width // self.heads

    def receivers(self, layer: int) -> list[tuple[str, str]]:
        """(channel, receiver name) of a layer's attention."""
        names = [("q", f"a{layer}.h{h}<q>") for h in range(self.heads)]
        for channel in "kv":
            mark = "h" if self.kv == self.heads else "kv"
            names += [(channel, f"a{layer}.{mark}{h}<{channel}>") for h in range(self.kv)]
        return names

    def first_layer(self, receiver: str) -> int:
        """The layer whose run a receiver's input can change first, for ``start``."""
        return len(self.blocks) if receiver == "logits" else _layer(receiver)

    @torch.no_grad()
    def run(
        self,
        tokens: Tensor,
        positions: Tensor,
        ablated: Outputs | None = None,
        out: Collection[str] = (),
        scale: Callable[[str], float | Tensor] = lambda edge: 1.0,
        begin: Tensor | None = None,
        fixed: Outputs | None = None,
        held: Outputs | None = None,
        pushed: Outputs | None = None,
        read: Outputs | None = None,
        changed: Callable[[str, Tensor], Tensor] = lambda sender, value: value,
        start: int = 0,
        known: Outputs | None = None,
        patterns: Outputs | None = None,
        looked: Outputs | None = None,
    ) -> tuple[Tensor, Outputs]:
        """Forward pass in which each edge of ``out`` carries its ablation value.

        ``scale`` goes only part of the way, or to some positions [batch, time, 1]: sender + scale ·
        (ablated − sender). ``fixed``: what receivers read, whatever was written; ``held``: what senders write, whatever they read;
        ``pushed``: what is added to what a receiver reads; ``read`` is filled with what each read;
        ``changed`` makes a sender write something else. Layers before ``start`` are not run: they wrote
        what ``known`` says. ``looked`` is filled with each head's pattern; ``patterns``: theirs instead.
        """
        fixed, held, pushed = fixed or {}, held or {}, pushed or {}
        outs: Outputs = {"input": self._embed(tokens) if begin is None else begin}
        outs["input"] = held.get("input", outs["input"])
        shared = self._positions(tokens)
        stream, summed = (
            torch.zeros_like(outs["input"]),
            0,
        )  # the sum of what the first ``summed`` senders wrote
        unchanged = shared  # what receivers read whose incoming edges all carry what was written
        ablated_senders: dict[str, list[str]] = {}
        for edge in out:
            sender, _, receiver = edge.partition("->")
            ablated_senders.setdefault(receiver, []).append(sender)
        rotary = None if self.gpt2 else self._rotary(tokens)
        changes: Outputs = {}  # of senders with an ablated edge

        def into(receiver: str) -> Tensor:
            nonlocal stream, summed, unchanged
            if summed < len(outs):
                for value in list(outs.values())[summed:]:
                    stream = stream + value
                summed, unchanged = len(outs), shared + stream
            total = unchanged
            for sender in ablated_senders.get(receiver, ()):
                if sender not in changes:
                    changes[sender] = ablated[sender] - outs[sender]
                total = total + scale(f"{sender}->{receiver}") * changes[sender]
            if read is not None:
                read[receiver] = total
            total = fixed.get(receiver, total)
            return total + pushed[receiver] if receiver in pushed else total

        for layer, block in enumerate(self.blocks):
            if layer < start:
                outs.update({name: value for name, value in known.items() if _layer(name) == layer})
                shared = shared + self._output_bias(block)
                continue
            written, bias = self._attention(layer, block, into, rotary, patterns or {}, looked)
            parallel_input = into(f"m{layer}") if self.neox else None
            outs.update({name: changed(name, held.get(name, value)) for name, value in written.items()})
            shared = shared + bias
            if not self.mlps:
                continue
            if self.neox:
                outs[f"m{layer}"] = block.mlp(block.post_attention_layernorm(parallel_input))
            elif self.gemma:
                inner = block.mlp(block.pre_feedforward_layernorm(into(f"m{layer}")))
                outs[f"m{layer}"] = block.post_feedforward_layernorm(inner)
            elif self.gpt2:
                outs[f"m{layer}"] = block.mlp(block.ln_2(into(f"m{layer}")))
            else:
                outs[f"m{layer}"] = block.mlp(block.post_attention_layernorm(into(f"m{layer}")))
            outs[f"m{layer}"] = changed(f"m{layer}", held.get(f"m{layer}", outs[f"m{layer}"]))
        final = into("logits")[torch.arange(len(tokens)), positions]
        norm = self.body.ln_f if self.gpt2 else self.body.final_layer_norm if self.neox else self.body.norm
        logits = self.hf.get_output_embeddings()(norm(final))
        cap = self.hf.config.final_logit_softcapping if self.gemma else None
        return logits if cap is None else torch.tanh(logits / cap) * cap, outs

    def rerun(
        self, tokens: Tensor, positions: Tensor, known: Outputs,
        held: Outputs | None = None, pushed: Outputs | None = None, fixed: Outputs | None = None,
    ) -> Tensor:  # fmt: skip
        """Logits where something is changed in a run of which the senders' outputs are known.

        Layers before the first change are not run again; the arguments are those of ``run``.
        """
        layers = [_layer(sender) for sender in held or {}]
        layers += [self.first_layer(receiver) for receiver in (*(pushed or {}), *(fixed or {}))]
        start = max(0, min(layers))
        return self.run(tokens, positions, held=held, pushed=pushed, fixed=fixed, start=start, known=known)[0]

    def _embed(self, tokens: Tensor) -> Tensor:
        return self.hf.get_input_embeddings()(tokens)

    def _positions(self, tokens: Tensor) -> Tensor:
        zero = torch.zeros(*tokens.shape, self.hf.get_input_embeddings().weight.shape[1]).double()
        if self.gpt2:
            zero = zero + self.body.wpe(torch.arange(tokens.shape[1]))[None]
        return zero

    def _rotary(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.arange(tokens.shape[1])[None]
        cos, sin = self.body.rotary_emb(torch.zeros(1, 1, 1).double(), place)
        return cos.double(), sin.double()

    def _attention(
        self, layer: int, block: Any, into: Callable[[str], Tensor], rotary: Any,
        patterns: Outputs, looked: Outputs | None,
    ) -> tuple[Outputs, Tensor]:  # fmt: skip
        norm = block.ln_1 if self.gpt2 else block.input_layernorm
        found: dict[str, list[Tensor]] = {"q": [], "k": [], "v": []}
        last_input = normed = None
        for channel, name in self.receivers(layer):
            head = len(found[channel])
            weight, bias = self._projection(block, channel, head)
            receiver_input = into(name)
            if receiver_input is not last_input:
                last_input, normed = receiver_input, norm(receiver_input)
            found[channel].append(normed @ weight + bias)
        time = found["q"][0].shape[1]
        causal = torch.tril(torch.ones(time, time, dtype=torch.bool))
        size = self.size
        if self.gemma:
            size = self.hf.config.query_pre_attn_scalar
            if self.hf.config.layer_types[layer] == "sliding_attention":
                causal &= torch.tril(torch.ones(time, time), -self.hf.config.sliding_window) == 0
        written: Outputs = {}
        for head in range(self.heads):
            group = head // (self.heads // self.kv)
            q, k, v = found["q"][head], found["k"][group], found["v"][group]
            if rotary is not None:
                q, k = _turn(q, *rotary), _turn(k, *rotary)
            scores = (q @ k.transpose(-1, -2)) / size**0.5
            if self.gemma:
                cap = self.hf.config.attn_logit_softcapping
                scores = torch.tanh(scores / cap) * cap
            pattern = scores.masked_fill(~causal, float("-inf")).softmax(-1)
            pattern = patterns.get(f"a{layer}.h{head}", pattern)
            if looked is not None:
                looked[f"a{layer}.h{head}"] = pattern
            written[f"a{layer}.h{head}"] = pattern @ v @ self._output(block, head)
        if self.gemma:
            total, post = sum(written.values()), block.post_attention_layernorm
            scale = (total.pow(2).mean(-1, keepdim=True) + post.eps).sqrt()
            written = {name: raw / scale * post.weight for name, raw in written.items()}
        return written, self._output_bias(block)

    def _projection(self, block: Any, channel: str, head: int) -> tuple[Tensor, Tensor]:
        rows = slice(head * self.size, (head + 1) * self.size)
        if self.gpt2:
            at = "qkv".index(channel) * self.heads * self.size
            rows = slice(at + rows.start, at + rows.stop)
            return block.attn.c_attn.weight[:, rows], block.attn.c_attn.bias[rows]
        if self.neox:  # interleaved: per head its q, k and v
            at = head * 3 * self.size + "qkv".index(channel) * self.size
            joint = block.attention.query_key_value
            return joint.weight[at : at + self.size].T, joint.bias[at : at + self.size]
        linear = getattr(block.self_attn, f"{channel}_proj")
        bias = linear.bias[rows] if linear.bias is not None else torch.zeros(self.size).double()
        return linear.weight[rows].T, bias

    def _output(self, block: Any, head: int) -> Tensor:
        rows = slice(head * self.size, (head + 1) * self.size)
        if self.gpt2:
            return block.attn.c_proj.weight[rows]
        dense = block.attention.dense if self.neox else block.self_attn.o_proj
        return dense.weight[:, rows].T

    def _output_bias(self, block: Any) -> Tensor:
        if self.gpt2:
            return block.attn.c_proj.bias
        dense = block.attention.dense if self.neox else block.self_attn.o_proj
        return dense.bias if dense.bias is not None else torch.zeros(1).double()


def _layer(sender: str) -> int:
    """0 of ``a0.h3``, ``a0.h3<q>`` and ``m0``; -1 of ``input``."""
    return -1 if sender == "input" else int(sender.partition(".")[0][1:])


class _Rms(torch.nn.Module):
    """RMSNorm in the precision of its input."""

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = weight, eps

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt() * self.weight


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding on the first dimensions that it covers."""
    size = cos.shape[-1]
    part, rest = x[..., :size], x[..., size:]
    half = size // 2
    turned = torch.cat([-part[..., half:], part[..., :half]], -1)
    return torch.cat([part * cos + turned * sin, rest], -1)


def logit_difference(logits: Tensor, correct: Tensor, incorrect: Tensor) -> Tensor:
    """Mean correct minus mean incorrect logit of each prompt, answers without padding."""
    rows = []
    for row, right, wrong in zip(logits, correct, incorrect, strict=True):
        rows.append(row[right[right >= 0]].mean() - row[wrong[wrong >= 0]].mean())
    return torch.stack(rows)


ROOT = Path(__file__).parent.parent
DEMO = ROOT / "resources" / "demo" / "model"
STORIES = ROOT.parent / "shared" / "models" / "stories260K"


def plain(path: Path) -> Any:
    """A second copy of a model, by nothing but transformers."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager", dtype=torch.float32)
