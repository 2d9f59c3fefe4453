"""Directions in the residual stream between two texts. Source: [turner2023activation]."""

from __future__ import annotations

from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.prompt_run import run_prompt
from circuitviz.models import Model


def residual_direction(model: Model, name: str, toward: str, away: str) -> Tensor:
    """Return the difference of two texts' residual streams before a layer, at their last tokens, [d_model].

    Args:
        model: The model.
        name: ``resid4`` for the stream before layer 4; the number of layers names the stream after the last.
        toward: The text that the direction points to.
        away: The text that it points away from.

    Raises:
        InputError: There is no such layer, or the two streams are equal.
    """
    layer = residual_layer(model, name)
    runs = [run_prompt(model, text) for text in (toward, away)]
    streams = [run.stream(layer) for run in runs]
    direction = streams[0][-1] - streams[1][-1]
    if not bool(direction.any()):
        raise InputError(
            f"The texts {toward!r} and {away!r} have the same residual stream at '{name}', so there is no "
            "direction between them; texts that end differently, or a later layer, would be right."
        )
    return direction


def residual_layer(model: Model, name: str) -> int:
    """Return the layer before which a direction acts.

    Raises:
        InputError: The name is no direction's.
    """
    number = name.removeprefix("resid")
    if not name.startswith("resid") or not number.isdigit() or int(number) > model.shape.n_layers:
        raise InputError(
            f"'{name}' is no place of a direction; resid0 to resid{model.shape.n_layers} would be right: the "
            "residual stream before that layer."
        )
    return int(number)
