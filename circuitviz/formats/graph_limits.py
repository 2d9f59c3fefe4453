"""Bounds on graphs that files may describe, checked before anything is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psutil

from circuitviz.errors import InputError
from circuitviz.formats.schemas import MAX_COUNT, any_text, integer_between
from circuitviz.graph import ModelShape
from circuitviz.graph.limits import MAX_POSITIONS

MAX_LAYERS, MAX_HEADS, MAX_SENDERS = 512, 1024, 20_000
MAX_NODES = 12_000  # of a graph that lists its nodes; files that circuit-tracer prunes have up to 5,000
MAX_SENDER_RECEIVER_PAIRS = 50_000_000  # Llama 3 70B has 34 million
TEXT_FIELDS = ("name", "kind", "site", "dictionary", "span")  # the other fields of a node are whole numbers
MAX_NODE_FIELDS = {
    "layer": MAX_LAYERS - 1,
    "head": MAX_HEADS - 1,
    "position": MAX_POSITIONS,
    "feature": 2**40,
}
MAX_NAME_LENGTH = 1000
N_NODES_ALWAYS_READ = 2000  # read without a check of free memory
BYTES_PER_NODE_PAIR = 12  # at the peak of opening, for each pair of nodes: matrices are senders × receivers


def check_shape(shape: ModelShape) -> None:
    """Raise InputError, with half a sentence, where no model has that shape or its graph is too large."""
    sizes = (shape.n_layers, shape.n_heads, shape.d_model, shape.kv_heads)
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise InputError("its model has sizes that are no positive whole numbers")
    if not isinstance(shape.parallel, bool) or not isinstance(shape.mlp, bool):
        raise InputError("its model says neither yes nor no to parallel blocks or to MLPs")
    is_too_large = shape.n_layers > MAX_LAYERS or shape.n_heads > MAX_HEADS
    if is_too_large or shape.n_layers * shape.n_heads > MAX_SENDERS:
        raise InputError(f"its model has {shape.n_layers} layers of {shape.n_heads} heads")
    if shape.n_heads % shape.kv_heads:
        raise InputError("its model has heads that do not fit together")
    senders = 1 + shape.n_layers * (shape.n_heads + shape.mlp)
    receivers = 1 + shape.n_layers * (shape.n_heads + 2 * shape.kv_heads + shape.mlp)
    if senders * receivers > MAX_SENDER_RECEIVER_PAIRS:
        raise InputError(
            f"its model has {shape.n_layers} layers of {shape.n_heads} heads, {senders * receivers:,} pairs "
            f"of sender and receiver; models of up to {MAX_SENDER_RECEIVER_PAIRS:,} are read"
        )


def check_node_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a node in a file.

    Raises:
        InputError: A field has no valid value; the message is half a sentence.
    """
    for key, value in fields.items():
        if key in TEXT_FIELDS:
            any_text(value, f"node's {key}")
        else:
            integer_between(0, MAX_NODE_FIELDS.get(key, MAX_COUNT))(value, f"node's {key}")
    name = fields["name"]
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise InputError(
            f"the name of one of its nodes has {len(name):,} characters; "
            f"1 to {MAX_NAME_LENGTH} would be right"
        )
    return fields


def check_node_count(n_nodes: int, n_targets: int) -> None:
    """Raise InputError, with half a sentence, where a graph lists no nodes or too many for memory."""
    if not 0 < n_targets <= n_nodes:
        raise InputError(f"it has {n_nodes:,} nodes, {n_targets:,} of them targets")
    if n_nodes > MAX_NODES:
        raise InputError(
            f"it has {n_nodes:,} nodes, which would take {_estimate_gigabytes(n_nodes):.1f} GB of memory; "
            f"graphs of up to {MAX_NODES:,} are read, so prune it first"
        )
    free_gigabytes = int(psutil.virtual_memory().available) / 2**30
    if n_nodes > N_NODES_ALWAYS_READ and _estimate_gigabytes(n_nodes) > free_gigabytes:
        raise InputError(
            f"its {n_nodes:,} nodes take {_estimate_gigabytes(n_nodes):.1f} GB of memory to open, "
            f"and {free_gigabytes:.1f} GB are free; prune it first"
        )


def _estimate_gigabytes(nodes: int) -> float:
    return BYTES_PER_NODE_PAIR * nodes**2 / 2**30
