"""When a node writes and what a node reads: one number orders a whole forward pass."""

from __future__ import annotations

from circuitviz.graph import ModelShape

EMBED_STAGE = 0


def attention_write_stage(layer: int) -> int:
    """Stage at which a layer's attention has written."""
    return 3 * layer + 1


def mlp_output_stage(layer: int) -> int:
    """Stage of an MLP's own output, where an SAE reads it before it is in the stream."""
    return 3 * layer + 2


def mlp_write_stage(layer: int) -> int:
    """Stage at which a layer's MLP has written."""
    return 3 * layer + 3


def attention_read_stage(layer: int) -> int:
    """A layer's attention reads what was written at stages below this one."""
    return attention_write_stage(layer)


def mlp_read_stage(shape: ModelShape, layer: int) -> int:
    """A layer's MLP reads what was written at stages below this one; in parallel blocks, no heads."""
    return attention_write_stage(layer) if shape.parallel else mlp_output_stage(layer)


def logits_read_stage(shape: ModelShape) -> int:
    """Logits read what was written at stages below this one."""
    return 3 * shape.n_layers + 1
