"""Checks, when a model is opened, that its parts as read here give what the model itself gives.

Architectures differ in more ways than a table of names covers, so a few short passes decide:

1. The plain Hugging Face model runs before TransformerLens wraps it (``run_reference_passes``).
2. Each required hook point fires exactly once; weights as read here reproduce each layer's projections, heads
   and residual stream (``_check_layer_weights``).
3. The bridge, a pass resumed from the middle, and a patched pass give the plain model's logits.
4. With every edge ablated, ablation values from another prompt give that prompt's logits. This holds only
   where every replacement of a projection or MLP is called.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError, first_error_line
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.model import Model
from circuitviz.models.patched_run import PatchedRun
from circuitviz.models.sender_activations import Activations, recording_hooks

RELATIVE_TOLERANCE = 1e-3  # of a tensor's spread; float32 passes differ by 1e-6 to 1e-5 of it
SHORT_PROMPT_TOKENS, LONG_PROMPT_TOKENS = 4, 7  # two prompts of equal length, and a longer one


@dataclass(frozen=True, eq=False)
class ReferencePass:
    """What a plain Hugging Face model gives on a few prompts.

    Attributes:
        tokens: Token ids [batch, time].
        logits: Logits [batch, time, vocabulary].
        streams: The residual stream before each block [batch, time, d_model]; empty where the model does not
            give it.
    """

    tokens: Tensor
    logits: Tensor
    streams: Sequence[Tensor]


@torch.no_grad()
def run_reference_passes(hf: Any, name: str) -> tuple[ReferencePass, ReferencePass]:
    """Run an unwrapped model on two short prompts of equal length, and on a longer one.

    Args:
        hf: The Hugging Face model.
        name: The model's name in error messages.

    Raises:
        InputError: The model does not run, or gives NaN or infinity.
    """
    max_length = getattr(hf.config.get_text_config(), "max_position_embeddings", None) or LONG_PROMPT_TOKENS
    vocabulary = len(hf.get_input_embeddings().weight)
    short_row, long_row = (
        torch.linspace(0, vocabulary - 1, time, device=hf.device).long()
        for time in (SHORT_PROMPT_TOKENS, LONG_PROMPT_TOKENS)
    )
    passes = []
    for tokens in (
        torch.stack([short_row, (short_row + max(1, vocabulary // 2)) % vocabulary]),
        long_row.flip(0)[None],
    ):
        tokens = tokens[:, :max_length]
        try:
            mask = torch.ones_like(tokens)
            out = hf(tokens, attention_mask=mask, use_cache=False, output_hidden_states=True)
        except Exception as error:  # a configuration that does not fit fails in many ways
            raise InputError(
                f"The model '{name}' does not run on a prompt of {tokens.shape[1]} tokens "
                f"({first_error_line(error)}); its configuration and its weights have to fit each other."
            ) from error
        if not torch.isfinite(out.logits).all():
            raise InputError(
                f"The model '{name}' gives logits that are not numbers (NaN or infinity); its "
                "weights hold such values, or overflow. Check the file, or open another copy."
            )
        passes.append(ReferencePass(tokens, out.logits.float(), getattr(out, "hidden_states", None) or ()))
    return passes[0], passes[1]


@torch.no_grad()
def check_decomposition(model: Model, reference: tuple[ReferencePass, ReferencePass]) -> None:
    """Check a model's parts against the plain model, and set ``embed_scale`` and ``can_set_patterns``.

    Args:
        model: The opened model.
        reference: The passes of the plain model.

    Raises:
        InputError: Projections, heads or the stream do not add up, a hook or a replacement is not reached, or
            logits differ from the plain model's by more than ``RELATIVE_TOLERANCE``.
    """
    short, long = reference
    tensors, outputs = _record_hook_points(model, short)
    model.embed_scale = _measure_embed_scale(model, tensors)
    _check_logits(model, short, tensors)
    for layer in range(model.shape.n_layers):
        _check_layer_weights(model, layer, tensors)
    _check_resumed_pass(model, long)
    model.can_set_patterns = _can_set_patterns(model, short)
    _check_patched_pass(model, short, outputs, tensors)


def _record_hook_points(model: Model, reference: ReferencePass) -> tuple[dict[str, Tensor], Activations]:
    """Every tensor that is read, by hook point, and the senders' outputs; each hook has to fire once."""
    tensors: dict[str, Tensor] = {}
    fired: Counter[str] = Counter()
    outputs = Activations(torch.empty(0), [], [])

    def keep(name: str, sender: Hook | None, value: Tensor) -> None:
        tensors[name] = value
        fired[name] += 1
        if sender is not None:
            sender(value)

    senders = recording_hooks(model, outputs)
    hooks: dict[str, Hook] = {
        name: partial(keep, name, senders.get(name)) for name in _required_hook_points(model)
    }
    try:
        with model.hooks(hooks):
            tensors["logits"] = model.logits(reference.tokens, _last_positions(reference))
    except KeyError as error:
        if error.args[0] not in hooks:
            raise
        _reject_hook(model, error.args[0], "is not there")
    for name in hooks:
        if fired[name] != 1:
            _reject_hook(model, name, f"fires {fired[name]} times in a pass, where once is right")
    return tensors, outputs


def _reject_hook(model: Model, name: str, problem: str) -> None:
    raise InputError(
        f"The model '{model.name}' cannot be taken apart: the hook point {name} {problem}. "
        "GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
    )


def _measure_embed_scale(model: Model, tensors: dict[str, Tensor]) -> float:
    """The factor by which a token's embedding enters the residual stream (Gemma multiplies it)."""
    embed, residual = (x[0] - x[1] for x in (tensors[model.embed_hook], tensors["blocks.0.hook_in"]))
    scale = float((residual * embed).sum() / embed.square().sum().clamp_min(1e-30))
    if not torch.allclose(embed * scale, residual, rtol=1e-3, atol=1e-5 + 1e-4 * float(residual.abs().max())):
        raise InputError(
            f"The model '{model.name}' normalises its embeddings, so tokens and positions do not "
            "add up in the residual stream; models that add them plainly work."
        )
    return 1.0 if abs(scale - 1) < 1e-4 else scale


def _required_hook_points(model: Model) -> list[str]:
    """The hook points that passes, scores and readings use; senders' in the order in which they fire."""
    names = [model.embed_hook]
    for layer, weights in enumerate(model.layers):
        block = f"blocks.{layer}"
        names += [f"{block}.hook_in", f"{block}.attn.hook_pattern"]
        names += [f"{block}.attn.{channel}.hook_out" for channel in "qkv"]
        names += [f"{block}.attn.hook_z", weights.attn_out_hook]
        if weights.post_norm is not None:
            names.append(weights.post_norm_hook)
        if model.shape.mlp:
            names += [weights.mlp_in_hook, weights.mlp_out_hook]
    return [*names, "ln_final.hook_in"]


def _last_positions(reference: ReferencePass) -> Tensor:
    batch, time = reference.tokens.shape
    return torch.full((batch,), time - 1, device=reference.tokens.device)


def _check_logits(model: Model, reference: ReferencePass, tensors: dict[str, Tensor]) -> None:
    """Compare the bridge with the plain model, block by block where the logits differ."""
    expected = reference.logits[:, -1]
    if _is_close(expected, tensors["logits"]):
        return
    location = "the logits, while the residual stream is the same"
    if len(reference.streams) != model.shape.n_layers + 1:
        location = "the logits"
    else:
        hook_names = [*(f"blocks.{i}.hook_in" for i in range(model.shape.n_layers)), "ln_final.hook_in"]
        for layer, stream in enumerate(reference.streams[:-1]):  # the last one is normalised
            if not _is_close(stream, tensors[hook_names[layer]]):
                location = _describe_writer(layer)
                break
        else:
            if not _is_close(reference.streams[-1], model.bridge.ln_final(tensors["ln_final.hook_in"])):
                location = _describe_writer(model.shape.n_layers)
    _reject_difference(model, "TransformerLens' view of it gives", tensors["logits"], expected, location)


def _check_resumed_pass(model: Model, reference: ReferencePass) -> None:
    """Compare a prompt of another length, resumed from the middle of the model."""
    streams: list[Tensor] = []
    start_layer, expected = model.shape.n_layers // 2, reference.logits[:, -1]
    recording = model.recording_block_calls(reference.tokens.shape[1])  # so that resuming needs no extra pass
    with model.hooks({f"blocks.{start_layer}.hook_in": streams.append}), recording:
        logits = model.logits(reference.tokens, _last_positions(reference))
    if not _is_close(expected, logits):
        length = f"a prompt of {reference.tokens.shape[1]} tokens"
        _reject_difference(model, "TransformerLens' view of it gives", logits, expected, length)
    resumed = model.logits_from_layer(streams[0], start_layer, _last_positions(reference))
    if not _is_close(expected, resumed):
        _reject_difference(
            model, f"its blocks called one by one from layer {start_layer} give", resumed, expected
        )


def _check_patched_pass(
    model: Model, reference: ReferencePass, outputs: Activations, tensors: dict[str, Tensor]
) -> None:
    """Compare a patched pass: all edges ablated with the other prompt's values, and no edge ablated."""
    positions, expected = _last_positions(reference), reference.logits[:, -1]
    z, mlp = (
        [values.flip(0) for values in outputs_of_layers] for outputs_of_layers in (outputs.z, outputs.mlp)
    )
    run = PatchedRun(model, reference.tokens, positions, Activations(outputs.embed.flip(0), z, mlp))
    ablated = run.fully_ablated
    for layer in range(model.shape.n_layers):
        for channel in "qkv":
            if (layer, channel) not in ablated.projections:
                _reject_unreached(model, f"the {channel} projection of layer {layer}")
        if model.shape.mlp and layer not in ablated.mlps:
            _reject_unreached(model, f"the MLP of layer {layer}")
    description = "with every edge ablated it gives"
    names = [f"blocks.{i}.hook_in" for i in range(model.shape.n_layers)]
    for layer, (name, resid_pre) in enumerate(zip(names, ablated.resid_pre, strict=True)):
        if not _is_close(tensors[name].flip(0), resid_pre):
            _reject_difference(model, description, resid_pre, tensors[name].flip(0), _describe_writer(layer))
    if not _is_close(expected.flip(0), ablated.logits):
        _reject_difference(
            model, description, ablated.logits, expected.flip(0), _describe_writer(model.shape.n_layers)
        )
    logits = run.logits(model.graph.mask)
    if not _is_close(expected, logits):
        resumed = model.logits_from_layer(tensors["blocks.0.hook_in"], 0, positions)
        if not _is_close(expected, resumed):
            _reject_difference(model, "its blocks called one by one give", resumed, expected)
        _reject_difference(model, "a patched pass without any edge ablated gives", logits, expected)


def _describe_writer(layer: int) -> str:
    """The component that wrote the stream before a layer, for error messages."""
    return f"what layer {layer - 1} writes" if layer else "the embedding"


def _can_set_patterns(model: Model, reference: ReferencePass) -> bool:
    """Whether the model uses attention patterns that a hook replaces: with zeros, heads write nothing.

    Where TransformerLens leaves attention to Hugging Face (GPT-J, GPT-Neo, Llama 4), patterns can only be
    read.
    """
    z: list[Tensor] = []
    hooks: dict[str, Hook] = {}
    for layer in range(model.shape.n_layers):
        hooks[f"blocks.{layer}.attn.hook_pattern"] = torch.zeros_like
        hooks[f"blocks.{layer}.attn.hook_z"] = z.append
    model.can_set_patterns = True  # for this pass
    with (
        warnings.catch_warnings(),
        model.hooks(hooks),
        model.recording_block_calls(reference.tokens.shape[1]),  # for the patched pass
    ):
        warnings.simplefilter("ignore")  # of TransformerLens 4, where a replacement is not used
        model.logits(reference.tokens[:1], _last_positions(reference)[:1])
    return not any(bool(heads.any()) for heads in z)


def _check_layer_weights(model: Model, layer: int, tensors: dict[str, Tensor]) -> None:
    """Compare a layer's outputs with those of its weights as read here, from the layer's own input."""
    weights, block = model.layers[layer], f"blocks.{layer}"
    stream = tensors[f"{block}.hook_in"]
    normal, _ = weights.attn_norm.normalise_parts(stream)
    for channel in "qkv":
        weight, bias = weights.channel_weights(channel)
        projected = torch.einsum("btd,hde->bthe", normal, weight) + bias
        native = tensors[f"{block}.attn.{channel}.hook_out"]
        _require_close(model, native.reshape(projected.shape), projected, f"{channel} of layer {layer}")
    z, written = tensors[f"{block}.attn.hook_z"], tensors[weights.attn_out_hook]
    if weights.post_norm is not None:
        z = z * weights.post_norm.inverse_scale(tensors[weights.post_norm_hook])
    heads = torch.einsum("bthe,hed->btd", z, weights.o)
    _require_close(model, written[0] - written[1], heads[0] - heads[1], f"the heads of layer {layer}")
    next_stream = tensors.get(f"blocks.{layer + 1}.hook_in", tensors["ln_final.hook_in"])
    total = stream + written + (tensors[weights.mlp_out_hook] if model.shape.mlp else 0)
    _require_close(model, next_stream[0] - next_stream[1], total[0] - total[1], f"what layer {layer} writes")


def _is_close(expected: Tensor, actual: Tensor) -> bool:
    """Whether two tensors differ by at most ``RELATIVE_TOLERANCE`` of the spread of the first.

    False where one holds NaN.
    """
    spread = max(float(expected.std()), RELATIVE_TOLERANCE * float(expected.abs().max()), 1e-12)
    return (
        expected.shape == actual.shape
        and float((expected - actual).abs().max()) <= RELATIVE_TOLERANCE * spread
    )


def _require_close(model: Model, expected: Tensor, actual: Tensor, name: str) -> None:
    deviation = float((expected - actual).abs().max())
    if not deviation <= 1e-3 * max(1e-3, float(expected.abs().max())):
        raise InputError(
            f"The model '{model.name}' cannot be taken apart: {name} does not equal what its weights "
            f"give (off by {deviation:.2g}). GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
        )


def _reject_unreached(model: Model, module: str) -> None:
    raise InputError(
        f"The model '{model.name}' cannot be patched: {module} is not reached by a replacement, so edges "
        "into it would score 0 whatever they do. GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
    )


def _reject_difference(
    model: Model, description: str, actual: Tensor, expected: Tensor, location: str = ""
) -> None:
    origin = f", beginning with {location}" if location else ""
    deviation = float((actual - expected).abs().max()) if actual.shape == expected.shape else float("nan")
    raise InputError(
        f"The model '{model.name}' is not computed as Hugging Face computes it: {description} "
        f"other numbers{origin} (off by {deviation:.2g}, where the values spread by "
        f"{float(expected.std()):.2g}), so every score would be of another model. "
        "GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
    )
