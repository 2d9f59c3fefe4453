"""A file may name any shape of model; what is built from it is bounded here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psutil

from circuitviz.errors import InputError
from circuitviz.formats.schemas import LARGEST_COUNT, text, whole
from circuitviz.graph import Shape

MOST_LAYERS, MOST_HEADS, MOST_SENDERS = 512, 1024, 20_000
MOST_NODES = 12_000  # of a graph that names its own: the files that circuit-tracer prunes have up to 5,000
MOST_PAIRS = 50_000_000  # of a model's senders and receivers: Llama 3 70B has 34 million
MOST_POSITIONS = 2**20  # of a prompt
TEXTS = ("name", "kind", "site", "dictionary")  # the other fields of a node are whole numbers
MOST_OF_A_NODE = {
    "layer": MOST_LAYERS - 1,
    "head": MOST_HEADS - 1,
    "position": MOST_POSITIONS,
    "feature": 2**40,
}
LONGEST_NAME = 1000
ALWAYS = 2000  # nodes that any machine can take
BYTES = 12  # at the peak of opening, for each pair of nodes: matrices are senders × receivers


def check_shape(shape: Shape) -> None:
    """InputError in a half sentence where no model has that shape, or none that fits in memory."""
    sizes = (shape.n_layers, shape.n_heads, shape.d_model, shape.kv_heads)
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise InputError("its model has sizes that are no positive whole numbers")
    if not isinstance(shape.parallel, bool) or not isinstance(shape.mlp, bool):
        raise InputError("its model says neither yes nor no to parallel blocks or to MLPs")
    most = shape.n_layers > MOST_LAYERS or shape.n_heads > MOST_HEADS
    if most or shape.n_layers * shape.n_heads > MOST_SENDERS:
        raise InputError(f"its model has {shape.n_layers} layers of {shape.n_heads} heads")
    if shape.n_heads % shape.kv_heads:
        raise InputError("its model has heads that do not fit together")
    senders = 1 + shape.n_layers * (shape.n_heads + shape.mlp)
    receivers = 1 + shape.n_layers * (shape.n_heads + 2 * shape.kv_heads + shape.mlp)
    if senders * receivers > MOST_PAIRS:
        raise InputError(
            f"its model has {shape.n_layers} layers of {shape.n_heads} heads, {senders * receivers:,} pairs "
            f"of sender and receiver; models of up to {MOST_PAIRS:,} are read"
        )


def checked_node(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a node as a file says them; InputError in a half sentence where one cannot be."""
    for key, value in given.items():
        if key in TEXTS:
            text(value, f"node's {key}")
        else:
            whole(0, MOST_OF_A_NODE.get(key, LARGEST_COUNT))(value, f"node's {key}")
    name = given["name"]
    if not 0 < len(name) <= LONGEST_NAME:
        raise InputError(
            f"the name of one of its nodes has {len(name):,} characters; 1 to {LONGEST_NAME} would be right"
        )
    return given


def check_nodes(nodes: int, targets: int) -> None:
    """InputError in a half sentence where a graph of its own nodes has none, or too many."""
    if not 0 < targets <= nodes:
        raise InputError(f"it has {nodes:,} nodes, {targets:,} of them targets")
    if nodes > MOST_NODES:
        raise InputError(
            f"it has {nodes:,} nodes, which would take {_gigabytes(nodes):.1f} GB of memory; graphs of up to "
            f"{MOST_NODES:,} are read, so prune it first"
        )
    free = int(psutil.virtual_memory().available) / 2**30
    if nodes > ALWAYS and _gigabytes(nodes) > free:
        raise InputError(
            f"its {nodes:,} nodes take {_gigabytes(nodes):.1f} GB of memory to open, and {free:.1f} GB are "
            "free; prune it first"
        )


def _gigabytes(nodes: int) -> float:
    return BYTES * nodes**2 / 2**30
