"""Whether a text can name a target of a prompt, before the prompt is run."""

from __future__ import annotations

import re

from circuitviz.errors import InputError
from circuitviz.graph import ModelShape
from circuitviz.graph.names import parse_direction_target

_TARGET = re.compile(r"([amr])(\d+)\.([fhn])(\d+)@(\d+)")
_LEAF = re.compile(r"(?:[amr]\d+(?:\.(?:error|bias))?|token|position)@\d+")


def check_target_name(name: str, shape: ModelShape, n_tokens: int) -> bool:
    """Check the name of a feature, a neuron or a head at a position (``m3.f12@7``).

    Whether a feature is active there is known only once the prompt has been run.

    Args:
        name: The name.
        shape: The model's shape.
        n_tokens: Number of tokens of the prompt.

    Returns:
        Whether it is such a name; any other text is a token or the name of another node.

    Raises:
        InputError: The model has no such layer or head, the prompt no such position, or nothing flows into
            the node.
    """
    if _LEAF.fullmatch(name):
        raise InputError(
            f"'{name}' is a leaf: nothing flows into it, so it has no circuit; a feature, a neuron, a head "
            "or a logit has one."
        )
    if direction := parse_direction_target(name):
        layer, position = int(direction[0].removeprefix("resid")), direction[1]
        if layer > shape.n_layers or position >= n_tokens:
            raise InputError(
                f"'{name[:60]}' was given; the model's streams are resid0 to resid{shape.n_layers}, and the "
                f"prompt has positions 0 to {n_tokens - 1}."
            )
        return True
    match = _TARGET.fullmatch(name)
    if match is None:
        return False
    site, layer, letter, item, position = match[1], int(match[2]), match[3], int(match[4]), int(match[5])
    if layer >= shape.n_layers + (site == "r"):
        raise InputError(f"'{name}' was given; the model has layers 0 to {shape.n_layers - 1}.")
    if site == "m" and not shape.mlp:
        raise InputError(f"'{name}' was given; the model has no MLPs.")
    if letter == "h" and (site != "a" or item >= shape.n_heads):
        raise InputError(
            f"'{name}' was given; heads of layer {layer} are a{layer}.h0 to a{layer}.h{shape.n_heads - 1}."
        )
    if letter == "n" and site != "m":
        raise InputError(f"'{name}' was given; neurons are of MLPs, as m{layer}.n{item}@{position}.")
    if position >= n_tokens:
        raise InputError(
            f"Position {position} was given; the prompt has {n_tokens} tokens, so 0 to {n_tokens - 1} would "
            "be right."
        )
    return True
