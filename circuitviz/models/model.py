"""One opened model: its bridge, its graph, and the weights that scores are pushed through."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import Graph, Shape
from circuitviz.models.norms import Norm
from circuitviz.models.tokens import Tokens

Hook = Callable[[Tensor], Tensor | None]
BlockCalls = list[tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """What one block's scores need: maps per head and the normalisations before them.

    q, k, v: [head, d_model, d_head] (key-value heads for k and v), the normalisation folded in;
    o: [head, d_head, d_model].
    """

    q: Tensor
    k: Tensor
    v: Tensor
    o: Tensor
    norm: Norm
    mlp_norm: Norm | None
    mlp_bias: Tensor | None


@dataclass(eq=False)
class Model:
    """A language model that can be run, hooked and patched.

    ``name`` is what the user opened, ``bridge`` TransformerLens' view of it (raw: no folding), and
    ``graph`` the senders and receivers that its computation has.
    """

    name: str
    bridge: Any
    tokens: Tokens
    graph: Graph
    device: torch.device
    embed_scale: float = 1.0
    _calls: dict[tuple[int, int], BlockCalls] = field(default_factory=dict, repr=False)

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
    def weight_hash(self) -> str:
        """SHA-256 over all weights by name, so that a file knows which model it belongs to."""
        digest = hashlib.sha256()
        state = self.hf.state_dict()
        for key in sorted(state):
            digest.update(key.replace("_original_component.", "").encode())
            digest.update(state[key].detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @contextmanager
    def hooks(self, forward: dict[str, Hook]) -> Iterator[None]:
        """Run with functions at named hook points; one may return a changed tensor."""

        def adapt(function: Hook) -> Callable[..., Tensor | None]:
            return lambda tensor, hook: function(tensor)

        with self.bridge.hooks(fwd_hooks=[(n, adapt(f)) for n, f in forward.items()]):
            yield

    @contextmanager
    def split(self) -> Iterator[None]:
        """Give every receiver an input of its own (``hook_q_input`` ..., ``hook_mlp_in``)."""
        self.bridge.set_use_split_qkv_input(True)
        self.bridge.set_use_hook_mlp_in(True)
        try:
            yield
        finally:
            self.bridge.set_use_split_qkv_input(False)
            self.bridge.set_use_hook_mlp_in(False)

    def logits(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Logits [batch, vocabulary] at one position per prompt, with whatever hooks are set.

        tokens: [batch, time]; positions: [batch]. Only these positions are unembedded.
        """
        rows = torch.arange(len(tokens), device=tokens.device)

        def gather(_module: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0][rows, positions][:, None], *args[1:])

        handle = self.bridge.unembed.register_forward_pre_hook(gather)
        try:
            out: Tensor = self.bridge(
                tokens, attention_mask=torch.ones_like(tokens), use_cache=False
            )
        finally:
            handle.remove()
        return out[:, 0]

    def resume(
        self, residual: Tensor, layer: int, positions: Tensor, calls: BlockCalls
    ) -> Tensor:
        """Logits [batch, vocabulary] from a residual stream [batch, time, d] before a block.

        The blocks from ``layer`` on are called as a full pass would call them (``block_calls``),
        so the result equals the full pass exactly; then only the answer positions are unembedded.
        """
        for index in range(layer, self.shape.n_layers):
            args, kwargs = calls[index]
            out = self.bridge.blocks[index](residual, *args, **kwargs)
            residual = out[0] if isinstance(out, tuple) else out
        rows = torch.arange(len(residual), device=residual.device)
        normed = self.bridge.ln_final(residual)
        logits: Tensor = self.bridge.unembed(normed[rows, positions][:, None])[:, 0]
        return self._cap(logits)

    def _cap(self, logits: Tensor) -> Tensor:
        cap = getattr(self.hf.config, "final_logit_softcapping", None)
        return logits if not cap else torch.tanh(logits / cap) * cap

    def block_calls(self, batch: int, time: int) -> BlockCalls:
        """What each block is called with besides the residual stream, kept from one full pass.

        To be asked for while no hook is set: the pass runs through them.
        """
        key = (batch, time)
        if key not in self._calls:
            calls: BlockCalls = []

            def keep(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                calls.append((args[1:], {k: v for k, v in kwargs.items() if k != "hidden_states"}))

            handles = [
                block.register_forward_pre_hook(keep, with_kwargs=True)
                for block in self.bridge.blocks
            ]
            try:
                tokens = torch.zeros(batch, time, dtype=torch.long, device=self.device)
                with torch.no_grad():
                    self.logits(tokens, tokens[:, 0])
            finally:
                for handle in handles:
                    handle.remove()
            if len(self._calls) > 16:
                self._calls.clear()
            self._calls[key] = calls
        return self._calls[key]

    def _layer(self, index: int) -> LayerWeights:
        block = self.bridge.blocks[index]
        attention = block.attn
        where = f"layer {index}"
        mlp_norm = None
        bias = None
        if self.shape.mlp:
            mlp_norm = self._norm(block.ln2 if hasattr(block, "ln2") else block.ln1, where)
            out = getattr(block.mlp, "out", None)
            found = getattr(getattr(out, "original_component", None), "bias", None)
            bias = found.detach() if isinstance(found, Tensor) else None
        norm = self._norm(block.ln1, where)
        return LayerWeights(
            norm.fold(attention.W_Q.detach()),
            norm.fold(attention.W_K.detach()),
            norm.fold(attention.W_V.detach()),
            attention.W_O.detach(),
            norm,
            mlp_norm,
            bias,
        )

    def _norm(self, bridge: Any, where: str) -> Norm:
        norm = Norm.of(bridge.original_component)
        if norm is None:
            raise InputError(
                f"The model '{self.name}' normalises {where} with "
                f"{type(bridge.original_component).__name__}, which this version cannot take "
                "apart; models with LayerNorm or RMSNorm before each sublayer work."
            )
        return norm
