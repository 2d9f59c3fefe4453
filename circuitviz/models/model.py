"""An opened model: its bridge, its graph, and the weights that scores are computed with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from circuitviz.dtypes import FULL_DTYPE
from circuitviz.graph import Graph, ModelShape
from circuitviz.models.block_calls import BlockCalls, call_for_batch
from circuitviz.models.forward_overrides import (
    ForwardOverrides,
    bridge_hook,
    on_device,
    read_only_hook,
    replaced_forward,
)
from circuitviz.models.forward_overrides import Hook as Hook
from circuitviz.models.layer_weights import LayerWeights, read_layer_weights, read_norm
from circuitviz.models.norms import Norm
from circuitviz.models.placement import DevicePlacement
from circuitviz.models.prompt_tokenizer import PromptTokenizer
from circuitviz.models.stored_weights import stored_weight, to_computed
from circuitviz.models.weight_hash import is_stable_hash, legacy_weight_hash, parameter_hash


@dataclass(eq=False)
class Model:
    """A language model that can be run, hooked and patched.

    Attributes:
        name: What the user opened.
        bridge: TransformerLens' TransformerBridge of it, without weight processing.
        tokens: Its tokenizer.
        graph: The senders and receivers of its computation.
        placement: Where its parts are, on one device or spread over several.
        dtype: The precision that its weights are kept in, one of ``WEIGHT_DTYPES``; it computes in float32.
            A model in memory may be in float64 and compute in it, which counts as float32 here.
        auto_dtype: The precision that ``auto`` gives on this device.
        embed_scale: Factor of the token embedding in the residual stream.
        can_set_patterns: Whether a hook that replaces attention patterns has an effect.
        max_batch_prompts: Prompts that fit into memory, where more were tried and did not.
        parameters: Parameters by Hugging Face's names.
    """

    name: str
    bridge: Any
    tokens: PromptTokenizer
    graph: Graph
    placement: DevicePlacement
    dtype: str = FULL_DTYPE
    auto_dtype: str = FULL_DTYPE
    embed_scale: float = 1.0
    can_set_patterns: bool = True
    max_batch_prompts: int | None = None
    parameters: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    _calls: dict[int, BlockCalls] = field(default_factory=dict, repr=False)

    @property
    def device(self) -> torch.device:
        """Where everything outside the blocks is computed, and all that is made of passes.

        A spread model's blocks may be elsewhere; what hooks, replacements and ``layers`` give is here.
        """
        return self.placement.main

    @property
    def shape(self) -> ModelShape:
        """Sizes of the model."""
        return self.graph.shape

    @property
    def n_ctx(self) -> int:
        """Longest prompt, in tokens."""
        return self.tokens.n_ctx

    @property
    def hf(self) -> Any:
        """The Hugging Face module."""
        return self.bridge.original_model

    @cached_property
    def layers(self) -> list[LayerWeights]:
        """Weights of every block, read once.

        Raises:
            InputError: A block cannot be taken apart.
        """
        blocks = self.bridge.blocks[: self.shape.n_layers]
        return [
            read_layer_weights(
                block, index, self.shape, self.empty_stream, self.name, not self.placement.is_spread
            )
            for index, block in enumerate(blocks)
        ]

    @cached_property
    def final_norm(self) -> Norm:
        """The normalisation before the unembedding; the logits' scale is folded into it."""
        norm = read_norm(self.bridge.ln_final, self.empty_stream, self.name, "the last layer")
        return norm if self.logit_scale == 1.0 else norm.scaled(self.logit_scale)

    @cached_property
    def norms(self) -> dict[str, Norm]:
        """Every normalisation of the stream, of queries and of keys, by the bridge's name.

        Raises:
            InputError: One is of an unknown kind.
        """
        return {
            name: read_norm(component, self.empty_stream, self.name, name)
            for name, component in self._norm_components.items()
        }

    @cached_property
    def inner_norms(self) -> dict[str, tuple[Any, Norm | None]]:
        """Modules that normalise in attention and MLPs and are not among ``norms``, by name (BitNet).

        With the closed form of each on the device of its layer, None where it is of an unknown kind.
        """
        known = {id(component.original_component) for component in self._norm_components.values()}
        like = self.empty_stream
        return {
            f"blocks.{layer}.{name}".replace("._original_component", ""): (
                module,
                Norm.recognise(module, like.shape[-1], like) if hasattr(module, "weight") else None,
            )
            for layer, block in enumerate(self.bridge.blocks[: self.shape.n_layers])
            for name, module in block.named_modules()
            if type(module).__name__.endswith("Norm") and id(module) not in known
        }

    @property
    def _norm_components(self) -> dict[str, Any]:
        """The bridge's components that ``norms`` reads, by name."""
        components = {"ln_final": self.bridge.ln_final}
        for layer, block in enumerate(self.bridge.blocks[: self.shape.n_layers]):
            for name in ("ln1", "ln2", "ln1_post", "ln2_post", "attn.q_norm", "attn.k_norm"):
                owner, _, part = name.rpartition(".")
                component = getattr(getattr(block, owner) if owner else block, part, None)
                if component is not None:
                    components[f"blocks.{layer}.{name}"] = component
        return components

    @cached_property
    def logit_scale(self) -> float:
        """Factor by which logits are multiplied after the unembedding (Cohere, Granite)."""
        small = torch.tensor(1e-4, dtype=torch.float64)  # where a soft cap is linear
        scale = float(self.bridge.adapter.apply_output_logits_transform(small) / small)
        return 1.0 if abs(scale - 1) < 1e-6 else scale

    @property
    def embed_hook(self) -> str:
        """Hook point of what ``input`` writes, before ``embed_scale``: BLOOM normalises its embeddings."""
        return "embed_ln.hook_out" if hasattr(self.bridge, "embed_ln") else "embed.hook_out"

    def stream_hook(self, layer: int) -> str:
        """Hook point of the stream before a layer; for the number of layers, after the last."""
        return "ln_final.hook_in" if layer == self.shape.n_layers else f"blocks.{layer}.hook_in"

    @property
    def token_embeddings(self) -> Tensor:
        """What each token writes into the residual stream, [vocabulary, d_model], without positions."""
        rows = to_computed(stored_weight(self.hf.get_input_embeddings()))
        if hasattr(self.bridge, "embed_ln"):
            rows = self.bridge.embed_ln.original_component(rows)
        return rows if self.embed_scale == 1.0 else rows * self.embed_scale

    @property
    def unembedding(self) -> Tensor:
        """Unembedding matrix, [vocabulary, d_model]; a copy of a matrix in half precision."""
        return to_computed(stored_weight(self.hf.get_output_embeddings()))

    def unembedding_rows(self, tokens: Tensor | Sequence[int]) -> Tensor:
        """The unembedding's rows of tokens, [..., d_model]."""
        return to_computed(stored_weight(self.hf.get_output_embeddings())[tokens])

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens that have a logit."""
        return len(stored_weight(self.hf.get_output_embeddings()))

    @property
    def empty_stream(self) -> Tensor:
        """A residual stream of no positions, [0, d_model]: its device, and the precision of computations."""
        return to_computed(stored_weight(self.hf.get_output_embeddings())[:0])

    @cached_property
    def unembedding_bias(self) -> Tensor | None:
        """Bias of the unembedding, [vocabulary], or None."""
        bias = getattr(self.hf.get_output_embeddings(), "bias", None)
        return bias.detach() * self.logit_scale if isinstance(bias, Tensor) else None

    @cached_property
    def parameter_hash(self) -> str:
        """SHA-256 over the parameters, each once, by Hugging Face's names for them."""
        return parameter_hash(self.parameters)

    @cached_property
    def weight_hash(self) -> str:
        """The hash that documents store.

        ``parameter_hash``, or a legacy hash that ``accept_weight_hash`` recognised.
        """
        return self.parameter_hash

    def accept_weight_hash(self, stored_hash: str) -> bool:
        """Whether a hash from a file is of these weights.

        A recognised legacy hash becomes this model's ``weight_hash``, so that measurements and tests stored
        under it stay comparable.
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
        """Run with functions at named hook points within a ``with`` block.

        A function may return a changed tensor. It is given tensors on the main device.

        Args:
            hooks: Functions by hook point.

        Raises:
            InputError: An attention pattern is changed that this model's heads would not use.
        """
        placed = []
        try:
            for name, function in hooks.items():
                point = self._hook_points[name]
                if name.endswith("attn.hook_pattern") and not self.can_set_patterns:
                    function = read_only_hook(function, self.name)
                point.add_hook(bridge_hook(function, self.device))
                placed.append((point, point.fwd_hooks[-1]))
            yield
        finally:
            for point, handle in placed:
                handle.hook.remove()
                point.fwd_hooks.remove(handle)

    @contextmanager
    def overridden(self, overrides: ForwardOverrides) -> Iterator[None]:
        """Run with overrides within a ``with`` block.

        A replaced module's ``forward`` is set on the instance, which hides its class's method.
        """
        with ExitStack() as stack:
            for (layer, channel), replacement in overrides.projections.items():
                linear = getattr(self.bridge.blocks[layer].attn, channel).original_component
                stack.enter_context(replaced_forward(linear, on_device(self.device, replacement)))
            for layer, replacement in overrides.mlps.items():
                mlp = self.layers[layer].mlp
                assert mlp is not None
                stack.enter_context(mlp.replaced(on_device(self.device, replacement)))
            stack.enter_context(self.hooks(overrides.hooks))
            yield

    @cached_property
    def _hook_points(self) -> dict[str, Any]:
        """Hook points by name; the bridge rebuilds this table slowly at every access."""
        return dict(self.bridge.hook_dict)

    def logits(self, tokens: Tensor, positions: Tensor, **arguments: Any) -> Tensor:
        """Logits at one position per prompt, with whatever hooks are set.

        Only these positions are unembedded.

        Args:
            tokens: Token ids [batch, time].
            positions: One position per prompt [batch].
            **arguments: Further arguments of the Hugging Face model's pass.

        Returns:
            Logits [batch, vocabulary].
        """
        rows = torch.arange(len(tokens), device=tokens.device)

        def gather(_module: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0][rows, positions][:, None], *args[1:])

        handle = self.bridge.unembed.register_forward_pre_hook(gather)
        try:
            given = {"attention_mask": torch.ones_like(tokens), "use_cache": False, **arguments}
            out: Tensor = self.bridge(tokens, **given)
        finally:
            handle.remove()
        return out[:, 0]

    def logits_from_layer(
        self, residual: Tensor, layer: int, positions: Tensor, overrides: ForwardOverrides | None = None
    ) -> Tensor:
        """Logits from a residual stream before a block.

        The blocks from ``layer`` on are called as a full pass calls them (``block_calls``), so the result
        equals the full pass exactly. Then only the answer positions are normalised and unembedded.

        Args:
            residual: Residual stream [batch, time, d_model] of any batch size.
            layer: Number of the first block that runs.
            positions: The answer position of each prompt [batch].
            overrides: What the pass does differently.

        Returns:
            Logits [batch, vocabulary].
        """
        overrides = overrides or ForwardOverrides()
        self.block_calls(residual.shape[1])  # before the overrides are applied
        with self.overridden(overrides):
            for index in range(layer, self.shape.n_layers):
                residual = self._run_block(index, residual)
            residual = residual.to(self.device)
            rows = torch.arange(len(residual), device=residual.device)
            if overrides.on_final_residual is not None:
                overrides.on_final_residual(residual)
            answer_residual = residual[rows, positions]
            if overrides.final_residual is not None:
                answer_residual = overrides.final_residual(answer_residual)
            return self.unembed(answer_residual)

    def block_output(self, layer: int, residual: Tensor) -> Tensor:
        """What a block makes of the residual stream [batch, time, d_model] before it, with whatever is set.

        It is called as a full pass calls it. Where overrides are applied, ``block_calls`` must have been
        called for this time before.
        """
        return self._run_block(layer, residual).to(self.device)

    def _run_block(self, layer: int, residual: Tensor) -> Tensor:
        """``block_output`` on the layer's own device."""
        has_sized_masks = type(self.hf).__name__.startswith("XGLM")
        call = self.block_calls(residual.shape[1])[layer]
        args, kwargs = call_for_batch(call, len(residual), has_sized_masks)
        out = self.bridge.blocks[layer](residual, *args, **kwargs)
        return out[0] if isinstance(out, tuple) else out

    def mlp_output(self, layer: int, stream: Tensor) -> Tensor:
        """What a layer's MLP writes when it reads a residual stream [batch, time, d_model]."""
        block, weights = self.bridge.blocks[layer], self.layers[layer]
        assert weights.mlp is not None and weights.mlp_norm is not None
        out = weights.mlp(weights.mlp_norm(stream))
        if weights.mlp_post_norm:
            normalise = getattr(block, weights.mlp_post_norm)
            return normalise(out.to(self.placement.computes(layer))).to(self.device)
        return out if weights.output_scale == 1.0 else out * weights.output_scale

    def unembed(self, answer_residual: Tensor) -> Tensor:
        """Logits [batch, vocabulary] of the last residual stream at one position [batch, d_model]."""
        return self._scale_logits(self.bridge.unembed(self.bridge.ln_final(answer_residual[:, None]))[:, 0])

    def _scale_logits(self, logits: Tensor) -> Tensor:
        """What follows the unembedding: a factor (Cohere, Granite), and a soft cap (Gemma-2)."""
        logits = logits if self.logit_scale == 1.0 else logits * self.logit_scale
        cap = getattr(self.hf.config, "final_logit_softcapping", None)
        return logits if not cap else torch.tanh(logits / cap) * cap

    def block_calls(self, time: int) -> BlockCalls:
        """The arguments of each block besides the residual stream, recorded in one full pass.

        The pass has one prompt: masks and rotary embeddings broadcast over any batch. Not to be called while
        overrides are applied, as the pass would run through them.

        Args:
            time: Tokens per prompt.
        """
        if time not in self._calls:
            tokens = torch.zeros(1, time, dtype=torch.long, device=self.device)
            with torch.no_grad(), self.recording_block_calls(time):
                self.logits(tokens, tokens[:, 0])
        return self._calls[time]

    @contextmanager
    def recording_block_calls(self, time: int) -> Iterator[None]:
        """Record ``block_calls`` in the one pass, of one prompt, that is run within a ``with`` block."""
        calls: BlockCalls = []

        def record(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append((args[1:], {k: v for k, v in kwargs.items() if k != "hidden_states"}))

        blocks = self.bridge.blocks
        handles = [block.register_forward_pre_hook(record, with_kwargs=True) for block in blocks]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
        if len(self._calls) > 64:
            self._calls.clear()
        self._calls[time] = calls
