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
from circuitviz.graph import Graph, ModelShape
from circuitviz.models.forward_overrides import ForwardOverrides, mlp_output
from circuitviz.models.layer_weights import LayerWeights, read_layer_weights, read_norm
from circuitviz.models.norms import Norm
from circuitviz.models.prompt_tokenizer import PromptTokenizer
from circuitviz.models.weight_hash import is_stable_hash, legacy_weight_hash, parameter_hash

Hook = Callable[[Tensor], Tensor | None]
BlockCalls = list[tuple[tuple[Any, ...], dict[str, Any]]]


@dataclass(eq=False)
class Model:
    """A language model that can be run, hooked and patched.

    ``name`` is what the user opened, ``bridge`` TransformerLens' view of it (raw: no folding), and
    ``graph`` the senders and receivers that its computation has. ``max_batch_prompts``: prompts that fit
    into memory, where more were tried and did not. ``can_set_patterns``: whether a hook that replaces
    attention patterns has an effect. ``parameters``: as Hugging Face names them.
    """

    name: str
    bridge: Any
    tokens: PromptTokenizer
    graph: Graph
    device: torch.device
    embed_scale: float = 1.0
    can_set_patterns: bool = True
    max_batch_prompts: int | None = None
    parameters: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    _calls: dict[int, BlockCalls] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> ModelShape:
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
        return [read_layer_weights(self, index) for index in range(self.shape.n_layers)]

    @cached_property
    def final_norm(self) -> Norm:
        """The normalisation before the unembedding."""
        return read_norm(self, self.bridge.ln_final, "the last layer")

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
        """What documents call these weights: ``parameter_hash``, or what ``accept_weight_hash`` has accepted."""
        return self.parameter_hash

    def accept_weight_hash(self, stored_hash: str) -> bool:
        """Whether a file's hash is of these weights.

        Where it is one of the earlier kind, this model answers to it from then on, so that what was
        measured and tested before stays comparable.
        """
        if stored_hash == self.parameter_hash or (
            not is_stable_hash(stored_hash) and stored_hash == legacy_weight_hash(self.hf)
        ):
            self.weight_hash = stored_hash
            return True
        self.weight_hash = self.parameter_hash
        return False

    @contextmanager
    def hooks(self, hooks: dict[str, Hook]) -> Iterator[None]:
        """Run with functions at named hook points; one may return a changed tensor.

        InputError where an attention pattern is changed that this model's heads would not use.
        """
        placed = []
        try:
            for name, function in hooks.items():
                point = self._hook_points[name]
                if name.endswith("attn.hook_pattern") and not self.can_set_patterns:
                    function = _read_only_hook(self, function)
                point.add_hook(_bridge_hook(function))
                placed.append((point, point.fwd_hooks[-1]))
            yield
        finally:
            for point, handle in placed:
                handle.hook.remove()
                point.fwd_hooks.remove(handle)

    @cached_property
    def _hook_points(self) -> dict[str, Any]:
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

    def logits_from_layer(
        self, residual: Tensor, layer: int, positions: Tensor, overrides: ForwardOverrides | None = None
    ) -> Tensor:
        """Logits [batch, vocabulary] from a residual stream [batch, time, d] before a block.

        The blocks from ``layer`` on are called as a full pass would call them (``block_calls``),
        so the result equals the full pass exactly; then only the answer positions are normalised
        and unembedded. The batch may be any: the calls' other arguments broadcast over it.
        """
        overrides = overrides or ForwardOverrides()
        calls = self.block_calls(residual.shape[1])
        with overrides.applied_to(self):
            for index in range(layer, self.shape.n_layers):
                args, kwargs = calls[index]
                out = self.bridge.blocks[index](residual, *args, **kwargs)
                residual = out[0] if isinstance(out, tuple) else out
            rows = torch.arange(len(residual), device=residual.device)
            if overrides.on_final_residual is not None:
                overrides.on_final_residual(residual)
            last = residual[rows, positions]
            if overrides.final_residual is not None:
                last = overrides.final_residual(last)
            return self.unembed(last)

    def mlp_output(self, layer: int, stream: Tensor) -> Tensor:
        """What a layer's MLP writes when it reads a stream [batch, time, d]."""
        block, norm = self.bridge.blocks[layer], self.layers[layer].mlp_norm
        assert norm is not None
        out = mlp_output(block.mlp.original_component, norm(stream))
        return block.ln2_post(out) if hasattr(block, "ln2_post") else out

    def unembed(self, last: Tensor) -> Tensor:
        """Logits [batch, vocabulary] of the last residual stream at one position [batch, d]."""
        return self._softcap_logits(self.bridge.unembed(self.bridge.ln_final(last[:, None]))[:, 0])

    def _softcap_logits(self, logits: Tensor) -> Tensor:
        cap = getattr(self.hf.config, "final_logit_softcapping", None)
        return logits if not cap else torch.tanh(logits / cap) * cap

    def block_calls(self, time: int) -> BlockCalls:
        """What each block is called with besides the residual stream, kept from one full pass.

        The pass has one prompt: masks and rotary embeddings broadcast over any batch. To be asked
        for while no edit is on: the pass runs through them.
        """
        if time not in self._calls:
            tokens = torch.zeros(1, time, dtype=torch.long, device=self.device)
            with torch.no_grad(), self.recording_block_calls(time):
                self.logits(tokens, tokens[:, 0])
        return self._calls[time]

    @contextmanager
    def recording_block_calls(self, time: int) -> Iterator[None]:
        """Keep ``block_calls`` of the one pass, of one prompt, that is run within a ``with``."""
        calls: BlockCalls = []

        def keep(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append((args[1:], {k: v for k, v in kwargs.items() if k != "hidden_states"}))

        blocks = self.bridge.blocks
        handles = [block.register_forward_pre_hook(keep, with_kwargs=True) for block in blocks]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        if len(self._calls) > 64:
            self._calls.clear()
        self._calls[time] = calls


def _read_only_hook(model: Model, function: Hook) -> Hook:
    """A hook that may look at attention patterns and not change them."""

    def read(pattern: Tensor) -> None:
        if function(pattern) is not None:
            raise InputError(
                f"The attention patterns of '{model.name}' can be read, but not set or held: this "
                "architecture computes its attention in one piece. GPT-2 and Llama, for example, let "
                "them be set."
            )

    return read


def _bridge_hook(function: Hook) -> Callable[..., Tensor | None]:
    return lambda tensor, hook: function(tensor)
