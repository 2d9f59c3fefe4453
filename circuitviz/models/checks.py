"""A model is opened only if its parts, as we read them, give what the model itself gives.

Architectures differ in more ways than any table of names knows; a few short passes tell the truth. The
plain Hugging Face model runs before TransformerLens wraps it; what the bridge, a resumed pass and a patched
pass give is compared with that. Every ablation of every edge gives the logits of the prompts that the
ablation values come from only if each replacement of a projection or MLP is called and each hook fires.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.models.activations import Activations, recording
from circuitviz.models.model import Hook, Model
from circuitviz.models.patched import PatchedRun

TOLERANCE = 1e-3  # of a tensor's spread; float32 passes differ by 1e-6 to 1e-5 of it
SHORT, LONG = 4, 7  # tokens of the prompts: two short ones alike in length, and one that is longer


@dataclass(frozen=True, eq=False)
class PlainPass:
    """What a Hugging Face model gives by itself.

    tokens: [batch, time]; logits: [batch, time, vocabulary]; streams: before each block
    [batch, time, d], empty where the model does not tell.
    """

    tokens: Tensor
    logits: Tensor
    streams: Sequence[Tensor]


@torch.no_grad()
def plain_passes(hf: Any, name: str) -> tuple[PlainPass, PlainPass]:
    """Run a model that nothing has wrapped on two short prompts, and on a longer one.

    InputError where it does not run, or gives NaN or infinity. ``name`` is for error messages.
    """
    from circuitviz.models.bridges import first_line

    embeddings = hf.get_input_embeddings().weight
    if torch.finfo(embeddings.dtype).bits < 32:
        raise InputError(
            f"The model '{name}' is in {str(embeddings.dtype).removeprefix('torch.')}; scores need "
            "float32, so convert it with hf.float() first."
        )
    longest = getattr(hf.config.get_text_config(), "max_position_embeddings", None) or LONG
    rows = len(embeddings)
    one, other = (torch.linspace(0, rows - 1, time, device=hf.device).long() for time in (SHORT, LONG))
    passes = []
    for tokens in (torch.stack([one, (one + max(1, rows // 2)) % rows]), other.flip(0)[None]):
        tokens = tokens[:, :longest]
        try:
            mask = torch.ones_like(tokens)
            out = hf(tokens, attention_mask=mask, use_cache=False, output_hidden_states=True)
        except Exception as error:  # a configuration that does not fit fails in many ways
            raise InputError(
                f"The model '{name}' does not run on a prompt of {tokens.shape[1]} tokens "
                f"({first_line(error)}); its configuration and its weights have to fit each other."
            ) from error
        if not torch.isfinite(out.logits).all():
            raise InputError(
                f"The model '{name}' gives logits that are not numbers (NaN or infinity); its "
                "weights hold such values, or overflow. Check the file, or open another copy."
            )
        passes.append(PlainPass(tokens, out.logits.float(), getattr(out, "hidden_states", None) or ()))
    return passes[0], passes[1]


@torch.no_grad()
def check_parts(model: Model, plain: tuple[PlainPass, PlainPass]) -> None:
    """InputError where projections, heads or the stream do not add up, where a hook or a replacement is not
    reached, or where logits differ from those of the plain model by more than ``TOLERANCE``.

    Sets the model's ``embed_scale`` and ``patterns_can_be_set`` on the way.
    """
    short, long = plain
    seen, written = _recorded(model, short)
    model.embed_scale = _embed_scale(model, seen)
    _check_logits(model, short, seen)
    for layer in range(model.shape.n_layers):
        _check_layer(model, layer, seen)
    _check_long(model, long)
    model.patterns_can_be_set = _patterns_can_be_set(model, short)
    _check_patched(model, short, written, seen)


def _recorded(model: Model, plain: PlainPass) -> tuple[dict[str, Tensor], Activations]:
    """Every tensor that we read, by hook point, and the senders' outputs; each hook has to fire once."""
    seen: dict[str, Tensor] = {}
    fired: Counter[str] = Counter()
    written = Activations(torch.empty(0), [], [])

    def keep(name: str, sender: Hook | None, value: Tensor) -> None:
        seen[name] = value
        fired[name] += 1
        if sender is not None:
            sender(value)

    senders = recording(model, written)
    hooks: dict[str, Hook] = {name: partial(keep, name, senders.get(name)) for name in _points(model)}
    try:
        with model.hooks(hooks):
            seen["logits"] = model.logits(plain.tokens, _last(plain))
    except KeyError as error:
        if error.args[0] not in hooks:
            raise
        _refuse_hook(model, error.args[0], "is not there")
    for name in hooks:
        if fired[name] != 1:
            _refuse_hook(model, name, f"fires {fired[name]} times in a pass, where once is right")
    return seen, written


def _refuse_hook(model: Model, name: str, what: str) -> None:
    raise InputError(
        f"The model '{model.name}' cannot be taken apart: the hook point {name} {what}. "
        "GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
    )


def _embed_scale(model: Model, seen: dict[str, Tensor]) -> float:
    """How much of a token's embedding arrives in the residual stream (Gemma multiplies it)."""
    embed, residual = (x[0] - x[1] for x in (seen["embed.hook_out"], seen["blocks.0.hook_in"]))
    scale = float((residual * embed).sum() / embed.square().sum().clamp_min(1e-30))
    if not torch.allclose(embed * scale, residual, rtol=1e-3, atol=1e-5 + 1e-4 * float(residual.abs().max())):
        raise InputError(
            f"The model '{model.name}' normalises its embeddings, so tokens and positions do not "
            "add up in the residual stream; models that add them plainly work."
        )
    return 1.0 if abs(scale - 1) < 1e-4 else scale


def _points(model: Model) -> list[str]:
    """The hook points that passes, scores and readings rely on, those of senders in the order they fire."""
    names = ["embed.hook_out"]
    for layer, weights in enumerate(model.layers):
        block = f"blocks.{layer}"
        names += [f"{block}.hook_in", f"{block}.attn.hook_pattern"]
        names += [f"{block}.attn.{channel}.hook_out" for channel in "qkv"]
        names += [f"{block}.attn.hook_z", weights.after_attention]
        if weights.post is not None:
            names.append(f"{block}.ln1_post.hook_in")
        if model.shape.mlp:
            names += [weights.before_mlp, weights.after_mlp]
    return [*names, "ln_final.hook_in"]


def _last(plain: PlainPass) -> Tensor:
    batch, time = plain.tokens.shape
    return torch.full((batch,), time - 1, device=plain.tokens.device)


def _check_logits(model: Model, plain: PlainPass, seen: dict[str, Tensor]) -> None:
    """The bridge against Hugging Face's own model: block by block where the logits differ."""
    right = plain.logits[:, -1]
    if _equal(right, seen["logits"]):
        return
    where = "the logits, while the residual stream is the same"
    if len(plain.streams) != model.shape.n_layers + 1:
        where = "the logits"
    else:
        before = [*(f"blocks.{i}.hook_in" for i in range(model.shape.n_layers)), "ln_final.hook_in"]
        for layer, stream in enumerate(plain.streams[:-1]):  # the last one is normalised
            if not _equal(stream, seen[before[layer]]):
                where = _writer(layer)
                break
        else:
            if not _equal(plain.streams[-1], model.bridge.ln_final(seen["ln_final.hook_in"])):
                where = _writer(model.shape.n_layers)
    _refuse(model, "TransformerLens' view of it gives", seen["logits"], right, where)


def _check_long(model: Model, plain: PlainPass) -> None:
    """A prompt of another length, resumed from the middle of the model."""
    streams: list[Tensor] = []
    middle, right = model.shape.n_layers // 2, plain.logits[:, -1]
    keeping = model.keeping_calls(plain.tokens.shape[1])  # so that resuming needs no pass of its own
    with model.hooks({f"blocks.{middle}.hook_in": streams.append}), keeping:
        whole = model.logits(plain.tokens, _last(plain))
    if not _equal(right, whole):
        length = f"a prompt of {plain.tokens.shape[1]} tokens"
        _refuse(model, "TransformerLens' view of it gives", whole, right, length)
    resumed = model.resume(streams[0], middle, _last(plain))
    if not _equal(right, resumed):
        _refuse(model, f"its blocks called one by one from layer {middle} give", resumed, right)


def _check_patched(model: Model, plain: PlainPass, written: Activations, seen: dict[str, Tensor]) -> None:
    """All edges ablated with the other prompt's values give the other prompt's logits, and none ablated
    the prompt's own.
    """
    at, right = _last(plain), plain.logits[:, -1]
    z, mlp = ([values.flip(0) for values in each] for each in (written.z, written.mlp))
    run = PatchedRun(model, plain.tokens, at, Activations(written.embed.flip(0), z, mlp))
    base = run.base
    for layer in range(model.shape.n_layers):
        for channel in "qkv":
            if (layer, channel) not in base.projections:
                _unreached(model, f"the {channel} projection of layer {layer}")
        if model.shape.mlp and layer not in base.mlps:
            _unreached(model, f"the MLP of layer {layer}")
    ablated = "with every edge ablated it gives"
    names = [f"blocks.{i}.hook_in" for i in range(model.shape.n_layers)]
    for layer, (name, ours) in enumerate(zip(names, base.attention, strict=True)):
        if not _equal(seen[name].flip(0), ours):
            _refuse(model, ablated, ours, seen[name].flip(0), _writer(layer))
    if not _equal(right.flip(0), base.logits):
        _refuse(model, ablated, base.logits, right.flip(0), _writer(model.shape.n_layers))
    whole = run.logits(model.graph.mask)
    if not _equal(right, whole):
        resumed = model.resume(seen["blocks.0.hook_in"], 0, at)
        if not _equal(right, resumed):
            _refuse(model, "its blocks called one by one give", resumed, right)
        _refuse(model, "a patched pass without any edge ablated gives", whole, right)


def _writer(layer: int) -> str:
    """What wrote the stream before a layer."""
    return f"what layer {layer - 1} writes" if layer else "the embedding"


def _patterns_can_be_set(model: Model, plain: PlainPass) -> bool:
    """Whether patterns that a hook replaces are those that heads use: with zeros, heads are silent.

    Where TransformerLens leaves attention to Hugging Face (GPT-J, GPT-Neo, Llama 4), it shows them only.
    """
    z: list[Tensor] = []
    hooks: dict[str, Hook] = {}
    for layer in range(model.shape.n_layers):
        hooks[f"blocks.{layer}.attn.hook_pattern"] = torch.zeros_like
        hooks[f"blocks.{layer}.attn.hook_z"] = z.append
    model.patterns_can_be_set = True  # for this pass
    with model.hooks(hooks), model.keeping_calls(plain.tokens.shape[1]):  # for the patched pass
        model.logits(plain.tokens[:1], _last(plain)[:1])
    return not any(bool(heads.any()) for heads in z)


def _check_layer(model: Model, layer: int, seen: dict[str, Tensor]) -> None:
    """Weights as we read them against what the layer gives, from what it reads."""
    weights, block = model.layers[layer], f"blocks.{layer}"
    stream = seen[f"{block}.hook_in"]
    normal, _ = weights.norm.parts(stream)
    for channel in "qkv":
        weight, bias = weights.channel(channel)
        ours = torch.einsum("btd,hde->bthe", normal, weight) + bias
        native = seen[f"{block}.attn.{channel}.hook_out"]
        _alike(model, native.reshape(ours.shape), ours, f"{channel} of layer {layer}")
    z, written = seen[f"{block}.attn.hook_z"], seen[weights.after_attention]
    if weights.post is not None:
        z = z * weights.post.scale(seen[f"{block}.ln1_post.hook_in"])
    heads = torch.einsum("bthe,hed->btd", z, weights.o)
    _alike(model, written[0] - written[1], heads[0] - heads[1], f"the heads of layer {layer}")
    after = seen.get(f"blocks.{layer + 1}.hook_in", seen["ln_final.hook_in"])
    total = stream + written + (seen[weights.after_mlp] if model.shape.mlp else 0)
    _alike(model, after[0] - after[1], total[0] - total[1], f"what layer {layer} writes")


def _equal(right: Tensor, ours: Tensor) -> bool:
    """Whether two tensors differ by less than ``TOLERANCE`` of the spread of the first; NaN is not equal."""
    spread = max(float(right.std()), TOLERANCE * float(right.abs().max()), 1e-12)
    return right.shape == ours.shape and float((right - ours).abs().max()) <= TOLERANCE * spread


def _alike(model: Model, native: Tensor, ours: Tensor, what: str) -> None:
    far = float((native - ours).abs().max())
    if not far <= 1e-3 * max(1e-3, float(native.abs().max())):
        raise InputError(
            f"The model '{model.name}' cannot be taken apart: {what} does not equal what its weights "
            f"give (off by {far:.2g}). GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
        )


def _unreached(model: Model, what: str) -> None:
    raise InputError(
        f"The model '{model.name}' cannot be patched: {what} is not reached by a replacement, so edges "
        "into it would score 0 whatever they do. GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
    )


def _refuse(model: Model, what: str, ours: Tensor, right: Tensor, where: str = "") -> None:
    begins = f", beginning with {where}" if where else ""
    far = float((ours - right).abs().max()) if ours.shape == right.shape else float("nan")
    raise InputError(
        f"The model '{model.name}' is not computed as Hugging Face computes it: {what} other numbers{begins} "
        f"(off by {far:.2g}, where the values spread by {float(right.std()):.2g}), so every score would "
        "be of another model. GPT-2, GPT-NeoX, Llama, Gemma and their kin work."
    )
