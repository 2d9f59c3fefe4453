"""The forward pass of one prompt, with the patterns, scales and outputs that attribution freezes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import dictionary_input
from circuitviz.features.sites import DictionarySite
from circuitviz.models import Model
from circuitviz.models.model import Hook
from circuitviz.models.norms import Norm


@dataclass(frozen=True, eq=False)
class PromptRun:
    """A prompt's tokens, and what the model's parts read and wrote, by layer.

    Attributes:
        model: The model.
        tokens: [time].
        token_ids: The same on the host.
        embed: [time, d_model], the token embeddings.
        attention_stream: By layer [time, d_model], read by attention (``resid_pre``).
        mlp_stream: By layer [time, d_model], read by the MLP (``resid_mid`` in sequential blocks).
        pattern: By layer [head, query, key].
        z: By layer [time, head, d_head] (``hook_z``).
        post: By layer [time, 1], the scale of a normalisation of attention's output; ones without it.
        attention: By layer [time, d_model], attention's output.
        mlp: By layer [time, d_model], the MLP's output.
        final: [time, d_model], read by the final normalisation.
        logits: [vocabulary] at the last position.
    """

    model: Model
    tokens: Tensor
    token_ids: list[int]
    embed: Tensor
    attention_stream: list[Tensor]
    mlp_stream: list[Tensor]
    pattern: list[Tensor]
    z: list[Tensor]
    post: list[Tensor]
    attention: list[Tensor]
    mlp: list[Tensor]
    final: Tensor
    logits: Tensor

    @property
    def time(self) -> int:
        """Number of tokens."""
        return len(self.tokens)

    @cached_property
    def position(self) -> Tensor:
        """What positions add to the stream before the first block, [time, d_model]."""
        return self.attention_stream[0] - self.embed

    def stream(self, layer: int) -> Tensor:
        """Return the stream before a layer, or for the number of layers the last, [time, d_model]."""
        return self.final if layer == len(self.attention_stream) else self.attention_stream[layer]

    @cached_property
    def strings(self) -> list[str]:
        """Tokens as they are shown."""
        return self.model.tokens.token_strings(self.token_ids)

    @cached_property
    def attention_scale(self) -> list[Tensor]:
        """By layer, 1/scale of the normalisation before attention, [time, 1]."""
        layers = zip(self.model.layers, self.attention_stream, strict=True)
        return [weights.attn_norm.normalise_parts(stream)[1] for weights, stream in layers]

    def mlp_norm(self, layer: int) -> Norm:
        """Return the normalisation before a layer's MLP."""
        norm = self.model.layers[layer].mlp_norm
        assert norm is not None
        return norm

    def head_outputs(self, layer: int) -> Tensor:
        """Return what each head writes, [time, head, d_model], without biases that heads share."""
        scaled = self.z[layer] * self.post[layer][..., None]
        return torch.einsum("the,hed->thd", scaled, self.model.layers[layer].o)

    def attention_bias_output(self, layer: int) -> Tensor:
        """Return what attention writes beyond its heads, the output bias, [time, d_model]."""
        scaled = (self.z[layer] * self.post[layer][..., None]).flatten(1)
        return self.attention[layer] - scaled @ self.model.layers[layer].o.flatten(0, 1)

    def dictionary_input(self, dictionary: Dictionary) -> Tensor:
        """Return what a dictionary reads in this run, in its weight processing, [time, d_in]."""
        site = dictionary.site
        if site.reads == "z":
            raw_input = self.z[site.layer].flatten(1)
        elif site.is_transcoder:
            raw_input = self.mlp_stream[site.layer]
        else:
            raw_input = self.dictionary_target(dictionary)
        return dictionary_input(self.model, dictionary, raw_input)

    def dictionary_target(self, dictionary: Dictionary) -> Tensor:
        """Return what a dictionary should reconstruct in this run, [time, d_out]."""
        site = dictionary.site
        if site.reads == "z":
            return self.dictionary_input(dictionary)
        return self.written_at(site)

    def written_at(self, site: DictionarySite) -> Tensor:
        """Return what a part writes, or the stream at the point of an SAE of it, [time, d_model]."""
        if site.is_residual:
            return self.stream(site.layer)
        return (self.attention if site.part == "a" else self.mlp)[site.layer]


@torch.no_grad()
def run_prompt(
    model: Model, prompt: str | Sequence[int] | Tensor, hooks: Mapping[str, Hook] | None = None
) -> PromptRun:
    """Run a prompt once and record what attribution needs.

    Args:
        model: The model.
        prompt: Text, or token ids.
        hooks: Changes to the pass, by hook point; the changed run is recorded.

    Returns:
        The run.

    Raises:
        InputError: The prompt is empty or too long, an id is not in the vocabulary, or the logits are not
            finite.
    """
    if isinstance(prompt, str):
        ids = model.tokens.encode(prompt)
    else:
        ids = prompt.tolist() if isinstance(prompt, Tensor) else [int(i) for i in prompt]
    if not ids:
        raise InputError("An empty prompt was given; features are read from at least one token.")
    if len(ids) > model.n_ctx:
        raise InputError(f"A prompt of {len(ids)} tokens was given; this model reads at most {model.n_ctx}.")
    if not 0 <= min(ids) <= max(ids) < model.vocabulary_size:
        raise InputError(
            f"Token ids from {min(ids)} to {max(ids)} were given; this model's are 0 to "
            f"{model.vocabulary_size - 1}."
        )
    tokens = torch.tensor(ids, device=model.device)
    values: dict[str, Tensor] = {}
    hooks_to_record: dict[str, Hook] = {
        name: partial(_keep_value, values, name) for name in _recorded_hook_names(model)
    }
    with (
        model.hooks(dict(hooks or {})),
        model.hooks(hooks_to_record),
    ):  # edits first: they change what is kept
        logits = model.logits(tokens[None], tokens.new_full((1,), len(ids) - 1))[0]
    if not torch.isfinite(logits).all():
        raise InputError(
            f"The logits of this prompt are not numbers: the activations of '{model.name}' overflow or hold "
            "NaN; check its weights."
        )
    values = {name: value[0] for name, value in values.items()}
    layers = range(model.shape.n_layers)
    ones = values["ln_final.hook_in"].new_ones(len(ids), 1)
    posts: list[Tensor] = []
    for weights in model.layers:
        written = values.get(weights.post_norm_hook)
        posts.append(
            ones
            if weights.post_norm is None or written is None
            else weights.post_norm.normalise_parts(written)[1]
        )
    return PromptRun(
        model=model,
        tokens=tokens,
        token_ids=ids,
        embed=values[model.embed_hook] * model.embed_scale,
        attention_stream=[values[f"blocks.{i}.hook_in"] for i in layers],
        mlp_stream=[values[weights.mlp_in_hook] for weights in model.layers] if model.shape.mlp else [],
        pattern=[values[f"blocks.{i}.attn.hook_pattern"] for i in layers],
        z=[values[f"blocks.{i}.attn.hook_z"] for i in layers],
        post=posts,
        attention=[values[weights.attn_out_hook] for weights in model.layers],
        mlp=[values[weights.mlp_out_hook] for weights in model.layers] if model.shape.mlp else [],
        final=values["ln_final.hook_in"],
        logits=logits,
    )


def _keep_value(values: dict[str, Tensor], name: str, value: Tensor) -> None:
    values[name] = value.detach()


def _recorded_hook_names(model: Model) -> list[str]:
    names = [model.embed_hook, "ln_final.hook_in"]
    for layer, weights in enumerate(model.layers):
        block = f"blocks.{layer}"
        names += [f"{block}.hook_in", f"{block}.attn.hook_pattern", f"{block}.attn.hook_z"]
        names.append(weights.attn_out_hook)
        if weights.post_norm is not None:
            names.append(weights.post_norm_hook)
        if model.shape.mlp:
            names += [weights.mlp_in_hook, weights.mlp_out_hook]
    return names
