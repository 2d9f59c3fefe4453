"""Circuits whose file lists key and value edges per query head, for a model whose query heads share them.

EAP-IG and MIB write grouped-query models so, and their ``cfg`` has no number of key-value heads: the file
alone cannot tell such a model from one without grouped queries (methods.md, Graph).
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
    """Whether a circuit's graph is that of a model of a shape but for the number of key-value heads."""
    file_shape = graph.shape
    ungrouped = (
        shape.has_grouped_queries
        and not file_shape.has_grouped_queries
        and replace(file_shape, n_kv_heads=shape.n_kv_heads) == shape
    )
    return ungrouped and graph.same_as(Graph.transformer(file_shape))


def regroup_circuit(
    circuit: Circuit, scores: Scores | None, shape: ModelShape
) -> tuple[Circuit, Scores | None]:
    """The circuit with the receivers of a grouped-query model.

    The scores of a group's key edges, and of its value edges, are summed; such an edge is in the circuit
    where it is for one query head of the group. ``can_regroup`` has to hold.

    Args:
        circuit: A circuit with one key and one value receiver per query head.
        scores: Its scores, or None.
        shape: The shape of the grouped-query model.

    Returns:
        The circuit and the scores on the graph of ``shape``.
    """
    old, new = circuit.graph, Graph.transformer(shape)
    # 1 where a receiver of the old graph belongs to one of the new graph
    sharing = np.zeros((len(old.receivers), len(new.receivers)))
    for row, name in enumerate(old.receivers):
        sharing[row, new.receiver_index[key_value_receiver(name, shape)]] = 1.0
    edges = circuit.edges @ sharing > 0
    regrouped = Circuit(new, edges, int(edges.sum()), circuit.note)
    if scores is None:
        return regrouped, None
    values = np.where(old.mask, scores.values, 0.0) @ sharing
    examined = None if scores.examined is None else scores.examined @ sharing > 0
    return regrouped, replace(scores, graph=new, values=values, examined=examined)


def key_value_receiver(receiver: str, shape: ModelShape) -> str:
    """The receiver of the key-value head that a query head's key or value input belongs to.

    >>> shape = ModelShape(2, 8, 64, 4)
    >>> key_value_receiver("a1.h5<k>", shape), key_value_receiver("a1.h5<q>", shape)
    ('a1.kv2<k>', 'a1.h5<q>')
    """
    match = KEY_VALUE_RECEIVER.match(receiver)
    if not shape.has_grouped_queries or match is None:
        return receiver
    return f"a{match[1]}.kv{int(match[2]) // shape.queries_per_kv_head}<{match[3]}>"


def key_value_edges(edges: Iterable[str], shape: ModelShape) -> frozenset[str]:
    """``key_value_receiver`` applied to the receivers of named edges."""
    parts = (edge.partition("->") for edge in edges)
    return frozenset(f"{sender}->{key_value_receiver(receiver, shape)}" for sender, _, receiver in parts)
