"""One opened model: its bridge, its graph, and the weights that scores are pushed through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import Graph, Shape
from circuitviz.models.edits import Edits
from circuitviz.models.norms import Norm
from circuitviz.models.tokens import Tokens
from circuitviz.models.weights import is_stable, parameter_hash, wrapped_hash

Hook = Callable[[Tensor], Tensor | None]
BlockCalls = list[tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """What one block's scores need: maps per head and the normalisations before them.

    q, k, v: [head, d_model, d_head] (key-value heads for k and v), the normalisation folded in, and
    what they add [head, d_head]; o: [head, d_head, d_model]. Where the block normalises what attention
    writes (``post``), o holds that normalisation's weight, and heads are kept times its scale: so they
    add up to what the block writes (``after_attention``).
    """

    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    q_bias: Tensor
    k_bias: Tensor
    v_bias: Tensor
    norm: Norm
    mlp_norm: Norm | None
    mlp_bias: Tensor | None
    post: Norm | None
    after_attention: str
    after_mlp: str

    def channel(self, name: str) -> tuple[Tensor, Tensor]:
        """The folded weight and what is added, of ``q``, ``k`` or ``v``."""
        return {
            "q": (self.q, self.q_bias),
            "k": (self.k, self.k_bias),
            "v": (self.v, self.v_bias),
        }[name]


@dataclass(eq=False)
class Model:
    """A language model that can be run, hooked and patched.

    ``name`` is what the user opened, ``bridge`` TransformerLens' view of it (raw: no folding), and
    ``graph`` the senders and receivers that its computation has. ``largest_batch``: prompts that fit
    into memory, where more were tried and did not. ``parameters``: as Hugging Face names them.
    """

    name: str
    bridge: Any
    tokens: Tokens
    graph: Graph
    device: torch.device
    embed_scale: float = 1.0
    largest_batch: int | None = None
    parameters: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    _calls: dict[int, BlockCalls] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> Shape:
        """What decides the graph."""
        return self.graph.shape

    @property
    def n_ctx(self) -> int:
        """Longest prompt, in tokens."""
        return self.tokens.n_ctx

    @property
    def hf(self) -> Any:
        """The Hugging Face module underneath."""
        return self.bridge.original_model

    @cached_property
    def layers(self) -> list[LayerWeights]:
        """Weights of every block, recognised once; InputError on a block that is no such thing."""
        return [self._layer(i) for i in range(self.shape.n_layers)]

    @cached_property
    def final_norm(self) -> Norm:
        """The normalisation before the unembedding."""
        return self._norm(self.bridge.ln_final, "the last layer")

    @cached_property
    def unembedding(self) -> Tensor:
        """[vocabulary, d_model]: what turns the last residual stream into logits."""
        weight: Tensor = self.hf.get_output_embeddings().weight.detach()
        return weight

    @cached_property
    def unembedding_bias(self) -> Tensor | None:
        """[vocabulary], where there is one."""
        bias = getattr(self.hf.get_output_embeddings(), "bias", None)
        return bias.detach() if isinstance(bias, Tensor) else None

    @cached_property
    def parameter_hash(self) -> str:
        """SHA-256 over the parameters, each once, by Hugging Face's names for them."""
        return parameter_hash(self.parameters)

    @cached_property
    def weight_hash(self) -> str:
        """What documents call these weights: ``parameter_hash``, or what ``recognises`` has accepted."""
        return self.parameter_hash

    def recognises(self, written: str) -> bool:
        """Whether a file's hash is of these weights.

        Where it is one of the earlier kind, this model answers to it from then on, so that what was
        measured and tested before stays comparable.
        """
        if written == self.parameter_hash or (not is_stable(written) and written == wrapped_hash(self.hf)):
            self.weight_hash = written
            return True
        self.weight_hash = self.parameter_hash
        return False

    @contextmanager
    def hooks(self, forward: dict[str, Hook]) -> Iterator[None]:
        """Run with functions at named hook points; one may return a changed tensor."""

        placed = []
        try:
            for name, function in forward.items():
                point = self._points[name]
                point.add_hook(_adapted(function))
                placed.append((point, point.fwd_hooks[-1]))
            yield
        finally:
            for point, handle in placed:
                handle.hook.remove()
                point.fwd_hooks.remove(handle)

    @cached_property
    def _points(self) -> dict[str, Any]:
        """Hook points by name; the bridge makes this table anew, slowly, whenever it is asked."""
        return dict(self.bridge.hook_dict)

    def logits(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Logits [batch, vocabulary] at one position per prompt, with whatever hooks are set.

        tokens: [batch, time]; positions: [batch]. Only these positions are unembedded.
        """
        rows = torch.arange(len(tokens), device=tokens.device)

        def gather(_module: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0][rows, positions][:, None], *args[1:])

        handle = self.bridge.unembed.register_forward_pre_hook(gather)
        try:
            out: Tensor = self.bridge(tokens, attention_mask=torch.ones_like(tokens), use_cache=False)
        finally:
            handle.remove()
        return out[:, 0]

    def resume(self, residual: Tensor, layer: int, positions: Tensor, edits: Edits | None = None) -> Tensor:
        """Logits [batch, vocabulary] from a residual stream [batch, time, d] before a block.

        The blocks from ``layer`` on are called as a full pass would call them (``block_calls``),
        so the result equals the full pass exactly; then only the answer positions are normalised
        and unembedded. The batch may be any: the calls' other arguments broadcast over it.
        """
        edits = edits or Edits()
        calls = self.block_calls(residual.shape[1])
        with edits.on(self):
            for index in range(layer, self.shape.n_layers):
                args, kwargs = calls[index]
                out = self.bridge.blocks[index](residual, *args, **kwargs)
                residual = out[0] if isinstance(out, tuple) else out
            rows = torch.arange(len(residual), device=residual.device)
            if edits.ending is not None:
                edits.ending(residual)
            last = residual[rows, positions]
            if edits.final is not None:
                last = edits.final(last)
            return self.unembed(last)

    def mlp(self, layer: int, stream: Tensor) -> Tensor:
        """What a layer's MLP writes when it reads a stream [batch, time, d]."""
        block, norm = self.bridge.blocks[layer], self.layers[layer].mlp_norm
        assert norm is not None
        out: Tensor = block.mlp.original_component(norm(stream))
        return block.ln2_post(out) if hasattr(block, "ln2_post") else out

    def unembed(self, last: Tensor) -> Tensor:
        """Logits [batch, vocabulary] of the last residual stream at one position [batch, d]."""
        return self._cap(self.bridge.unembed(self.bridge.ln_final(last[:, None]))[:, 0])

    def _cap(self, logits: Tensor) -> Tensor:
        cap = getattr(self.hf.config, "final_logit_softcapping", None)
        return logits if not cap else torch.tanh(logits / cap) * cap

    def block_calls(self, time: int) -> BlockCalls:
        """What each block is called with besides the residual stream, kept from one full pass.

        The pass has one prompt: masks and rotary embeddings broadcast over any batch. To be asked
        for while no edit is on: the pass runs through them.
        """
        if time not in self._calls:
            calls: BlockCalls = []

            def keep(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                calls.append((args[1:], {k: v for k, v in kwargs.items() if k != "hidden_states"}))

            handles = [
                block.register_forward_pre_hook(keep, with_kwargs=True) for block in self.bridge.blocks
            ]
            try:
                tokens = torch.zeros(1, time, dtype=torch.long, device=self.device)
                with torch.no_grad():
                    self.logits(tokens, tokens[:, 0])
            finally:
                for handle in handles:
                    handle.remove()
            if len(self._calls) > 64:
                self._calls.clear()
            self._calls[time] = calls
        return self._calls[time]

    def _layer(self, index: int) -> LayerWeights:
        block = self.bridge.blocks[index]
        attention = block.attn
        where, name = f"layer {index}", f"blocks.{index}"
        mlp_norm = bias = None
        alone = not hasattr(block, "ln2_post")  # where normalised, the bias is no summand of its own
        if self.shape.mlp:
            mlp_norm = self._norm(block.ln2 if hasattr(block, "ln2") else block.ln1, where)
            out = getattr(block.mlp, "out", None)
            found = getattr(getattr(out, "original_component", None), "bias", None)
            bias = found.detach() if isinstance(found, Tensor) and alone else None
        norm = self._norm(block.ln1, where)
        post = self._norm(block.ln1_post, where) if hasattr(block, "ln1_post") else None
        o = attention.W_O.detach()
        q, k, v = (norm.fold(w.detach()) for w in (attention.W_Q, attention.W_K, attention.W_V))
        return LayerWeights(
            q=q,
            k=k,
            v=v,
            o=o if post is None else post.fold_output(o),
            q_bias=self._added(attention.q, norm, q),
            k_bias=self._added(attention.k, norm, k),
            v_bias=self._added(attention.v, norm, v),
            norm=norm,
            mlp_norm=mlp_norm,
            mlp_bias=bias,
            post=post,
            after_attention=f"{name}.attn.hook_out" if post is None else f"{name}.ln1_post.hook_out",
            after_mlp=f"{name}.mlp.hook_out" if alone else f"{name}.ln2_post.hook_out",
        )

    @staticmethod
    @torch.no_grad()
    def _added(linear: Any, norm: Norm, weight: Tensor) -> Tensor:
        """What a projection gives for a stream that the normalisation maps to its own bias."""
        nothing = torch.zeros_like(norm.weight) if norm.bias is None else norm.bias
        added: Tensor = linear.original_component(nothing[None])
        return added.detach().view(weight.shape[0], weight.shape[2])

    def _norm(self, bridge: Any, where: str) -> Norm:
        norm = Norm.of(bridge.original_component, self.shape.d_model, self.unembedding)
        if norm is None:
            raise InputError(
                f"The model '{self.name}' normalises {where} with "
                f"{type(bridge.original_component).__name__}, which this version cannot take "
                "apart; models with LayerNorm or RMSNorm before each sublayer work."
            )
        return norm


def _adapted(function: Hook) -> Callable[..., Tensor | None]:
    return lambda tensor, hook: function(tensor)
