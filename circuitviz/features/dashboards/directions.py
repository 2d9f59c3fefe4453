"""Properties of a feature's directions: tokens that it promotes, tokens that it reads, similar features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import centre_input
from circuitviz.features.matrix_blocks import project, row_norms
from circuitviz.models import Model

FEATURES_PER_PRODUCT = 32  # directions that are multiplied with the unembedding at once


@dataclass(frozen=True, slots=True)
class TokenEffect:
    """A token as it is shown, and its value."""

    token: str
    value: float


@dataclass(frozen=True, slots=True)
class NeighbourFeature:
    """Another feature of the same dictionary, and the cosine of the two directions."""

    number: int
    cosine: float


@torch.no_grad()
def token_effects(
    model: Model, dictionary: Dictionary, feature: int, n_tokens: int = 10
) -> tuple[list[TokenEffect], list[TokenEffect]]:
    """Return the tokens that a feature promotes and suppresses most: the logit lens of its decoder.

    W_U · (final normalisation's weight ⊙ centred decoder direction), the direction carried through W_O where
    it is one of the heads' values: logits per unit of activation at a final scale of 1.

    Args:
        model: The model.
        dictionary: The feature's dictionary.
        feature: Its index.
        n_tokens: How many tokens of each.

    Raises:
        InputError: There is no such feature.
    """
    return token_effects_of(model, output_direction(model, dictionary, feature), n_tokens)


@torch.no_grad()
def token_effects_of(
    model: Model, direction: Tensor, n_tokens: int = 10
) -> tuple[list[TokenEffect], list[TokenEffect]]:
    """Return the tokens that a direction [d_model] of the stream promotes and suppresses most."""
    effect = model.unembedding @ model.final_norm.fold_output(direction)
    return _rank_tokens(model, effect, n_tokens), _rank_tokens(model, -effect, n_tokens, -1.0)


@torch.no_grad()
def promoted_tokens(
    model: Model, dictionary: Dictionary, features: Sequence[int], n_tokens: int = 3
) -> list[list[TokenEffect]]:
    """Return the tokens that each of some features promotes most, as ``token_effects`` finds them.

    Args:
        model: The model.
        dictionary: The features' dictionary.
        features: Their indices.
        n_tokens: How many tokens of each.

    Raises:
        InputError: There is no such feature.
    """
    directions = [output_direction(model, dictionary, feature) for feature in features]
    return promoted_tokens_of(model, torch.stack(directions), n_tokens) if directions else []


@torch.no_grad()
def promoted_tokens_of(model: Model, directions: Tensor, n_tokens: int = 3) -> list[list[TokenEffect]]:
    """Return the tokens that each of some directions [n, d_model] of the stream promotes most."""
    found: list[list[TokenEffect]] = []
    for chosen in directions.split(FEATURES_PER_PRODUCT):
        check_cancelled()
        folded = model.final_norm.fold_output(chosen)
        best = (folded @ model.unembedding[: model.tokens.vocabulary_size].T).topk(n_tokens)
        for ids, values in zip(best.indices.tolist(), best.values.tolist(), strict=True):
            texts = model.tokens.token_strings(ids)
            found.append([TokenEffect(token, value) for token, value in zip(texts, values, strict=True)])
    return found


@torch.no_grad()
def de_embedding_effects(
    model: Model, dictionary: Dictionary, feature: int, head: str | None = None, n_tokens: int = 10
) -> list[TokenEffect]:
    """Return the tokens that a feature would read most from the embedding alone: W_E · encoder direction.

    A transcoder or an SAE of the residual stream reads it directly, or, where ``head`` names one (``a0.h3``),
    through that head's OV. An SAE
    on attention reads it through its own layer's heads, all of them or the one named. Normalisations count
    with their weights and at a scale of 1. Source: [dunefsky2024transcoders].

    Args:
        model: The model.
        dictionary: The feature's dictionary.
        feature: Its index.
        head: A head to read through.
        n_tokens: How many tokens.

    Raises:
        InputError: The head does not write into what the feature reads.
    """
    site = dictionary.site
    row = _feature_row(dictionary.encoder_rows, dictionary, feature, model.empty_stream)
    if site.part == "a":
        weights = model.layers[site.layer]
        read = centre_input(model, dictionary, row)
        values = row.view(weights.o.shape[:2]) if site.reads == "z" else weights.o @ read
        heads = range(len(values)) if head is None else [_parse_head(model, head, site.layer, site.layer)]
        direction = sum((_pull_back_value(model, site.layer, h, values[h]) for h in heads), torch.zeros(()))
    else:
        direction = centre_input(model, dictionary, row)
        norm = None if site.is_residual else model.layers[site.layer].mlp_norm
        if site.reads == "normalised" and norm is not None:
            direction = row if dictionary.processing.fold_ln else row * norm.weight
            direction = direction - direction.mean() if norm.is_centred else direction
        if head is not None:
            last = site.layer - 1 if site.is_residual else site.layer - model.shape.parallel
            number = _parse_head(model, head, 0, last)
            layer = int(head[1 : head.index(".")])
            direction = _pull_back_value(model, layer, number, model.layers[layer].o[number] @ direction)
    return _rank_tokens(model, model.token_embeddings @ direction, n_tokens)


@torch.no_grad()
def nearest_features(
    dictionary: Dictionary, feature: int, direction: str = "decoder", n_features: int = 10
) -> list[NeighbourFeature]:
    """Return the features whose directions have the greatest cosine with this one's.

    Args:
        dictionary: The dictionary.
        feature: The feature.
        direction: ``decoder`` or ``encoder``.
        n_features: How many.
    """
    rows = dictionary.decoder if direction == "decoder" else dictionary.encoder.T
    row = _feature_row(rows.__getitem__, dictionary, feature, dictionary.bias)
    norm = row_norms(rows, row).clamp_min(1e-12)
    cosine = project(row[None], rows.T)[0] / norm / norm[feature]
    cosine[feature] = -2
    best = cosine.topk(min(n_features, dictionary.features - 1))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [NeighbourFeature(n, value) for n, value in pairs]


def output_direction(model: Model, dictionary: Dictionary, feature: int) -> Tensor:
    """Return what a feature writes into the stream at activation 1, in all layers, [d_model]."""
    row = _feature_row(dictionary.decoder_rows, dictionary, feature, model.empty_stream)
    for layer in range(dictionary.site.layer + 1, dictionary.last_layer + 1):  # of a cross-layer transcoder
        later = partial(dictionary.rows_at, layer=layer)
        row = row + _feature_row(later, dictionary, feature, model.empty_stream)
    if dictionary.site.reads != "z":
        return row
    o = model.layers[dictionary.site.layer].o
    return torch.einsum("he,hed->d", row.view(o.shape[:2]), o)


def _pull_back_value(model: Model, layer: int, head: int, value: Tensor) -> Tensor:
    """Return a direction [d_head] at a head's value, pulled back to the residual stream that it reads."""
    weights = model.layers[layer]
    return weights.v[head // (len(weights.o) // len(weights.v))] @ value


def _parse_head(model: Model, name: str, first: int, last: int) -> int:
    node = model.graph.node_index.get(name)
    layer_name, _, head = name.partition(".h")
    if node is None or not head.isdecimal() or not first <= int(layer_name[1:]) <= last:
        raise InputError(
            f"'{name}' was given as the head to read through; for this feature it is one of layers "
            f"{first} to {last}, for example a{first}.h0."
        )
    return int(head)


def _feature_row(
    rows: Callable[[Tensor], Tensor], dictionary: Dictionary, feature: int, like: Tensor
) -> Tensor:
    """Return a feature's row in another tensor's dtype and on its device; the dictionary is not moved."""
    if not 0 <= feature < dictionary.features:
        raise InputError(
            f"There is no feature {feature} in '{dictionary.name}'; it has 0 to {dictionary.features - 1}."
        )
    return rows(torch.tensor([feature], device=dictionary.encoder.device))[0].to(like)


def _rank_tokens(model: Model, effect: Tensor, number: int, sign: float = 1.0) -> list[TokenEffect]:
    best = effect[: model.tokens.vocabulary_size].topk(number)
    tokens = model.tokens.token_strings(best.indices.tolist())
    return [
        TokenEffect(token, sign * value) for token, value in zip(tokens, best.values.tolist(), strict=True)
    ]
