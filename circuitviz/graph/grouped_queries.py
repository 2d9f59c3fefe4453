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
from circuitviz.graph.nodes import ModelShape
from circuitviz.graph.scores import Scores

KEY_VALUE_RECEIVER = re.compile(r"a(\d+)\.h(\d+)<([kv])>$")


def can_regroup(graph: Graph, shape: ModelShape) -> bool:
    """Whether a circuit's graph is a model's but for its key-value heads, which its file did not know."""
    ours = graph.shape
    ungrouped = (
        shape.has_grouped_queries
        and not ours.has_grouped_queries
        and replace(ours, n_kv_heads=shape.n_kv_heads) == shape
    )
    return ungrouped and graph.same_as(Graph.transformer(ours))


def regroup_circuit(
    circuit: Circuit, scores: Scores | None, shape: ModelShape
) -> tuple[Circuit, Scores | None]:
    """The circuit with the receivers of a grouped-query model: scores of a group's keys and values summed.

    A key or value edge is in the circuit where it is for one query head of the group. ``can_regroup`` has
    to hold.
    """
    old, new = circuit.graph, Graph.transformer(shape)
    sharing = np.zeros((len(old.receivers), len(new.receivers)))  # 1 where an old receiver is of a new one
    for row, name in enumerate(old.receivers):
        sharing[row, new.receiver_index[key_value_receiver(name, shape)]] = 1.0
    edges = circuit.edges @ sharing > 0
    renewed = Circuit(new, edges, int(edges.sum()), circuit.note)
    if scores is None:
        return renewed, None
    values = np.where(old.mask, scores.values, 0.0) @ sharing
    return renewed, replace(scores, graph=new, values=values)


def key_value_receiver(receiver: str, shape: ModelShape) -> str:
    """The receiver of the key-value head that a query head's key or value input belongs to.

    >>> key_value_receiver("a1.h5<k>", ModelShape(2, 8, 64, 4)), key_value_receiver("a1.h5<q>", ModelShape(2, 8, 64, 4))
    ('a1.kv2<k>', 'a1.h5<q>')
    """
    found = KEY_VALUE_RECEIVER.match(receiver)
    if not shape.has_grouped_queries or found is None:
        return receiver
    return f"a{found[1]}.kv{int(found[2]) // shape.queries_per_kv_head}<{found[3]}>"


def key_value_edges(edges: Iterable[str], shape: ModelShape) -> frozenset[str]:
    """The same for names of edges."""
    parts = (edge.partition("->") for edge in edges)
    return frozenset(f"{sender}->{key_value_receiver(receiver, shape)}" for sender, _, receiver in parts)
