"""Stages: numbers that order what nodes write and read by the forward pass."""

from __future__ import annotations

from circuitviz.graph import ModelShape

EMBED_STAGE = 0


def residual_stage(layer: int) -> int:
    """Return the stage at which an SAE of the residual stream before a layer has written the stream anew.

    It reads what was written at stages below this one; ``layer`` is the number of layers for the last stream.
    """
    return 4 * layer + 1


def attention_write_stage(layer: int) -> int:
    """Return the stage at which a layer's attention has written."""
    return 4 * layer + 2


def mlp_output_stage(layer: int) -> int:
    """Return the stage of an MLP's own output, where an SAE reads it before it is in the stream."""
    return 4 * layer + 3


def mlp_write_stage(layer: int) -> int:
    """Return the stage at which a layer's MLP has written."""
    return 4 * layer + 4


def attention_read_stage(layer: int) -> int:
    """Return the stage below which everything was written that a layer's attention reads."""
    return attention_write_stage(layer)


def mlp_read_stage(shape: ModelShape, layer: int) -> int:
    """Return the stage below which everything was written that a layer's MLP reads.

    In parallel blocks it reads no heads of its own layer.
    """
    return attention_write_stage(layer) if shape.parallel else mlp_output_stage(layer)


def logits_read_stage(shape: ModelShape) -> int:
    """Return the stage below which everything was written that the logits read."""
    return 4 * shape.n_layers + 2
