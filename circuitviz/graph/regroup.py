"""Circuits whose file lists key and value edges per query head, on a model whose query heads share them.

EAP-IG and MIB write grouped-query models so, and their ``cfg`` has no number of key-value heads, so the file
alone cannot tell (METHODS: Graph).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from circuitviz.graph.circuits import Circuit
from circuitviz.graph.graph import Graph
from circuitviz.graph.nodes import Shape
from circuitviz.graph.scores import Scores

KEY_OR_VALUE = re.compile(r"a(\d+)\.h(\d+)<([kv])>$")


def may_regroup(graph: Graph, shape: Shape) -> bool:
    """Whether a circuit's graph is a model's but for its key-value heads, which its file did not know."""
    ours = graph.shape
    ungrouped = shape.grouped and not ours.grouped and replace(ours, n_kv_heads=shape.n_kv_heads) == shape
    return ungrouped and graph.same_as(Graph.transformer(ours))


def regroup(circuit: Circuit, scores: Scores | None, shape: Shape) -> tuple[Circuit, Scores | None]:
    """The circuit with the receivers of a grouped-query model: scores of a group's keys and values summed.

    A key or value edge is in the circuit where it is for one query head of the group. ``may_regroup`` has
    to hold.
    """
    old, new = circuit.graph, Graph.transformer(shape)
    sharing = np.zeros((len(old.receivers), len(new.receivers)))  # 1 where an old receiver is of a new one
    for row, name in enumerate(old.receivers):
        sharing[row, new.receiver_index[shared_receiver(name, shape)]] = 1.0
    edges = circuit.edges @ sharing > 0
    renewed = Circuit(new, edges, int(edges.sum()), circuit.note)
    if scores is None:
        return renewed, None
    values = np.where(old.mask, scores.values, 0.0) @ sharing
    return renewed, replace(scores, graph=new, values=values)


def shared_receiver(receiver: str, shape: Shape) -> str:
    """The receiver of the key-value head that a query head's key or value input belongs to.

    >>> shared_receiver("a1.h5<k>", Shape(2, 8, 64, 4)), shared_receiver("a1.h5<q>", Shape(2, 8, 64, 4))
    ('a1.kv2<k>', 'a1.h5<q>')
    """
    found = KEY_OR_VALUE.match(receiver)
    if not shape.grouped or found is None:
        return receiver
    return f"a{found[1]}.kv{int(found[2]) // shape.group}<{found[3]}>"


def shared_edges(edges: Iterable[str], shape: Shape) -> frozenset[str]:
    """The same for names of edges."""
    parts = (edge.partition("->") for edge in edges)
    return frozenset(f"{sender}->{shared_receiver(receiver, shape)}" for sender, _, receiver in parts)
