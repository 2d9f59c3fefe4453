"""The independent truth at the level of features: a frozen forward pass written out for autograd.

Weights come from the plain Hugging Face model, patterns from its own attentions. Every node of a table
is one scalar factor on what it writes; the pre-activation of a target is then a function of all factors,
with patterns and scales held, and its gradient the row of edges. No code of circuitviz's rows is used.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from circuitviz.features import Dictionary, DictionarySite, WeightProcessing

PROCESSINGS = {
    "": WeightProcessing(),
    "folded": WeightProcessing(fold_ln=True, fold_value_biases=True),
    "values": WeightProcessing(fold_value_biases=True),
    "centred": WeightProcessing(center_writing_weights=True),
}
EVERY_KIND = {  # by site of the demo: each architecture, each place that is read, each weight processing
    "a0": "standard/z/values",
    "m0": "transcoder",
    "a1": "gated",
    "m1": "skip_transcoder",
    "a2": "topk/z/folded",
    "m2": "jumprelu_transcoder/normalised/folded",
    "a3": "jumprelu/written/centred",
    "m3": "jumprelu_skip_transcoder/stream/centred",
}


def random_dictionaries(model: Any, kinds: dict[str, str], features: int = 60) -> list[Dictionary]:
    """Random dictionaries by site; a kind is an architecture, with `/reads` and a processing after it."""
    made = []
    for number, (site, kind) in enumerate(kinds.items()):
        architecture, _, rest = kind.partition("/")
        reads, _, processing = rest.partition("/")
        reads = reads or ("z" if site[0] == "a" else "normalised")
        draw = torch.Generator().manual_seed(number)
        heads, inner, width = model.layers[0].o.shape
        d_in = heads * inner if reads == "z" else width

        def normal(*sizes: int, scale: float = 1.0, draw: torch.Generator = draw) -> Tensor:
            return scale * torch.randn(*sizes, generator=draw, dtype=torch.float64)

        more: dict[str, Any] = {}
        if architecture == "gated":
            more = {"gain": normal(features).exp(), "gate_bias": normal(features, scale=0.1) - 0.2}
        if architecture == "topk":
            more = {"k": 7}
        if architecture.startswith("jumprelu"):
            more = {"threshold": normal(features, scale=0.1).abs()}
        if "skip" in architecture:
            more["skip"] = normal(d_in, d_in, scale=0.1)
        made.append(
            Dictionary(
                name=f"random {site}",
                architecture=architecture,
                site=DictionarySite(int(site[1:]), site[0], reads),
                encoder=normal(d_in, features, scale=0.3),
                bias=normal(features, scale=0.1) - 0.1,
                decoder=normal(features, d_in, scale=0.2),
                decoder_bias=normal(d_in, scale=0.1),
                processing=PROCESSINGS[processing],
                **more,
            )
        )
    return made


def random_cross_layer(layer: int, n_later: int, width: int = 16, features: int = 40) -> Dictionary:
    """One layer of a random cross-layer transcoder."""
    draw = torch.Generator().manual_seed(layer)

    def normal(*sizes: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(*sizes, generator=draw, dtype=torch.float64)

    return Dictionary(
        name=f"random m{layer}",
        architecture="cross_layer_transcoder",
        site=DictionarySite(layer, "m", "normalised"),
        encoder=normal(width, features, scale=0.3),
        bias=normal(features, scale=0.1) - 0.1,
        decoder=normal(features, width, scale=0.2),
        decoder_bias=normal(width, scale=0.1),
        threshold=normal(features, scale=0.1).abs(),
        later_decoder=normal(features, n_later, width, scale=0.2),
    )


class SlowEdges:
    """Pre-activations of a table's nodes as functions of every node's factor, patterns and scales held."""

    def __init__(self, hf: Any, table: Any) -> None:
        self.hf = copy.deepcopy(hf).double()
        self.gpt2 = self.hf.config.model_type == "gpt2"
        body = self.hf.transformer if self.gpt2 else self.hf.gpt_neox
        self.blocks = body.h if self.gpt2 else body.layers
        self.final = body.ln_f if self.gpt2 else body.final_layer_norm
        self.table, self.run = table, table.run
        with torch.no_grad():
            out = self.hf(self.run.tokens[None], output_attentions=True, output_hidden_states=True)
        self.patterns = [p[0] for p in out.attentions]
        self.streams = [h[0] for h in out.hidden_states]
        self.at = torch.from_numpy(table.position.astype("int64"))
        self.stage = torch.from_numpy(table.stage.astype("int64"))
        self.factors = torch.ones(len(table), dtype=torch.float64, requires_grad=True)
        self.kept: dict[str, Tensor] | None = None  # what sites read, while factors stay the same

    def stream(self, stage: int) -> Tensor:
        """The residual stream of what was written before a stage, [time, d]."""
        x = torch.zeros(self.run.time, self.table.written.shape[1], dtype=torch.float64)
        before = self.stage < stage
        return x.index_add(0, self.at[before], self.factors[before, None] * self.table.written[before])

    def norm(self, module: Any, x: Tensor, held: Tensor | None = None) -> Tensor:
        """LayerNorm with its scale held at that of this stream (or of ``held``)."""
        of = (x if held is None else held).detach()
        scale = (of.var(-1, unbiased=False, keepdim=True) + module.eps).sqrt()
        return (x - x.mean(-1, keepdim=True)) / scale * module.weight + module.bias

    def values(self, layer: int, x: Tensor) -> Tensor:
        """Each head's value at each position [time, head, d_head]."""
        block = self.blocks[layer]
        if self.gpt2:
            normal = self.norm(block.ln_1, x)
            out = (normal @ block.attn.c_attn.weight + block.attn.c_attn.bias).chunk(3, -1)[2]
            return out.view(self.run.time, self.hf.config.n_head, -1)
        normal = self.norm(block.input_layernorm, x)
        out = block.attention.query_key_value(normal)
        return out.view(self.run.time, self.hf.config.num_attention_heads, 3, -1)[:, :, 2]

    def z(self, layer: int) -> Tensor:
        """[time, head, d_head]"""
        v = self.values(layer, self.stream(4 * layer + 2))
        return torch.einsum("hts,she->the", self.patterns[layer], v)

    def attention_out(self, layer: int) -> Tensor:
        """What attention writes [time, d]."""
        block = self.blocks[layer]
        if self.gpt2:
            return self.z(layer).flatten(1) @ block.attn.c_proj.weight + block.attn.c_proj.bias
        return block.attention.dense(self.z(layer).flatten(1))

    def mlp_in(self, layer: int) -> tuple[Tensor, Any]:
        """The stream that the MLP reads, and its norm."""
        block = self.blocks[layer]
        stage = 4 * layer + 3 if self.gpt2 else 4 * layer + 2
        return self.stream(stage), block.ln_2 if self.gpt2 else block.post_attention_layernorm

    def reads(self, dictionary: Dictionary) -> Tensor:
        """What a dictionary reads [time, d_in]."""
        if self.kept is None:
            return self._reads(dictionary)
        if dictionary.name not in self.kept:
            self.kept[dictionary.name] = self._reads(dictionary)
        return self.kept[dictionary.name]

    def _reads(self, dictionary: Dictionary) -> Tensor:
        site = dictionary.site
        processing = dictionary.processing
        if site.reads == "z":
            z = self.z(site.layer).flatten(1)
            if processing.fold_value_biases and processing.fold_ln:
                held = torch.zeros_like(self.stream(1))
                nothing = self.values(site.layer, held).detach()  # a stream of zeros: biases alone
                z = z - nothing.flatten(1)
            elif processing.fold_value_biases:
                assert self.gpt2
                z = z - self.blocks[site.layer].attn.c_attn.bias.detach().chunk(3)[2]
            return z
        if site.reads == "written":
            if site.part == "a":
                written = self.attention_out(site.layer)
            else:
                leaf = (self.stage == 4 * site.layer + 3).nonzero()[:, 0]
                written = self.factors[leaf, None] * self.run.mlp[site.layer]
            return written - written.mean(-1, keepdim=True) * processing.center_writing_weights
        x, norm = self.mlp_in(site.layer)
        if site.reads == "stream":
            return x - x.mean(-1, keepdim=True) * processing.center_writing_weights
        if processing.fold_ln:
            scale = (x.detach().var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            return (x - x.mean(-1, keepdim=True)) / scale
        return self.norm(norm, x)

    def head_output(self, layer: int, head: int) -> Tensor:
        """What one head writes [time, d]."""
        block = self.blocks[layer]
        z = self.z(layer)[:, head]
        size = z.shape[1]
        rows = slice(head * size, (head + 1) * size)
        if self.gpt2:
            return z @ block.attn.c_proj.weight[rows]
        return z @ block.attention.dense.weight[:, rows].T

    def pre_activation(self, index: int) -> Tensor:
        """A node's pre-activation, by its definition."""
        node = self.table.node(index)
        at, site = node.position, f"{node.site}{node.layer}"
        if node.kind == "head":
            out = self.head_output(node.layer, node.head)[at]
            return out @ out.detach() / (out.detach() @ out.detach())
        one = self.table.dictionaries[site]
        x = self.reads(one)[at]
        if node.kind == "skip":
            out = one.skip @ x
            return out @ out.detach() / (out.detach() @ out.detach())
        gain = 1.0 if one.gain is None else one.gain[node.feature]
        return x @ one.encoder[:, node.feature] * gain + one.bias[node.feature]

    def logit(self, token: int) -> Tensor:
        """A logit at the last position."""
        last = self.norm(self.final, self.stream(4 * len(self.blocks) + 2))[-1]
        head = self.hf.get_output_embeddings()
        return last @ head.weight[token] + (0 if head.bias is None else head.bias[token])

    def streams_before_final(self) -> Tensor:
        """The last stream at the last position [d]."""
        with torch.no_grad():
            return self.stream(4 * len(self.blocks) + 2)[-1]

    def row(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Edges into a value [nodes], and the value without any of them."""
        (gradient,) = torch.autograd.grad(value, self.factors)
        return gradient, (value - gradient.sum()).detach()


class GatedBackward:
    """The replacement model run forward with features that depend on what they read, and one backward
    pass in which gradients at nodes below a threshold are put to zero."""

    def __init__(self, slow: SlowEdges, tau: float, gate: str) -> None:
        self.slow, self.attribution = slow, torch.zeros(len(slow.table), dtype=torch.float64)
        table = slow.table
        self.leaf = torch.from_numpy(table.is_leaf)
        leaves = torch.ones(len(table), dtype=torch.float64, requires_grad=True)
        self.leaves = leaves
        slow.factors = torch.where(self.leaf, leaves, 1.0)
        for stage in sorted(set(slow.stage[~self.leaf].tolist())):
            members = ((slow.stage == stage) & ~self.leaf).nonzero()[:, 0]
            slow.kept = {}
            pre = torch.stack([slow.pre_activation(int(i)) for i in members])
            share = pre / table.activation[members]
            share.register_hook(lambda g, m=members: self._gate(g, m, tau, gate))
            slow.factors = slow.factors.index_put((members,), share)
        slow.kept = None

    def _gate(self, gradient: Tensor, members: Tensor, tau: float, gate: str) -> Tensor:
        self.attribution[members] = gradient
        above = (gradient if gate == "signed" else gradient.abs()) > tau
        return gradient * above

    def run(self, value: Tensor) -> Tensor:
        """Attributions of all nodes [nodes] to a value."""
        (gradient,) = torch.autograd.grad(value, self.leaves)
        self.attribution[self.leaf] = gradient[self.leaf]
        return self.attribution
