"""When a node writes and what a node reads: one number orders a whole forward pass."""

from __future__ import annotations

from circuitviz.graph import Shape

START = 0


def attention_writes(layer: int) -> int:
    """Stage at which a layer's attention has written."""
    return 3 * layer + 1


def mlp_computed(layer: int) -> int:
    """Stage of an MLP's own output, where an SAE reads it before it is in the stream."""
    return 3 * layer + 2


def mlp_writes(layer: int) -> int:
    """Stage at which a layer's MLP has written."""
    return 3 * layer + 3


def before_attention(layer: int) -> int:
    """A layer's attention reads what was written at stages below this one."""
    return attention_writes(layer)


def before_mlp(shape: Shape, layer: int) -> int:
    """A layer's MLP reads what was written at stages below this one; in parallel blocks, no heads."""
    return attention_writes(layer) if shape.parallel else mlp_computed(layer)


def at_the_end(shape: Shape) -> int:
    """Logits read what was written at stages below this one."""
    return 3 * shape.n_layers + 1
