"""What a circuit of features would lose without some of its nodes, from its stored scores alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph.scores import Scores


def estimate_target_change(scores: Scores, factors: Mapping[str, float]) -> float | None:
    """First-order change of the (first) target when nodes keep only a share of their own output.

    ``factors``: 0 takes a node out, 1 leaves it. A changed node passes on nothing of what changes before it,
    as in a frozen run, so that what flows through two of them counts once. None where the scores do not
    say what each node's value is.
    """
    through = _scale_per_node(scores)
    if through is None:
        return None
    graph, values = scores.graph, np.where(scores.graph.mask, scores.values, 0.0)
    first = len(graph.nodes) - graph.sinks
    held = np.array([node.name not in factors for node in graph.nodes])
    owner = graph.owners.argmax(axis=1)  # the node of each receiver
    weight = np.zeros(len(graph.nodes))  # the target's change per unit of a node's value
    weight[first] = 1.0
    effect = np.zeros(len(graph.nodes))
    for node in range(len(graph.senders) - 1, -1, -1):
        effect[node] = values[node] @ (weight[owner] * held[owner])
        weight[node] = effect[node] * through[node]
    return float(sum((share - 1) * effect[graph.node_index[name]] for name, share in factors.items()))


def _scale_per_node(scores: Scores) -> NDArray[np.float64] | None:
    """One over what the scores into a node add up to: its attribution in a local circuit, else its value."""
    told = scores.info.get("attributions") or scores.info.get("activations")
    if told is None:
        return None
    values = np.array([float(told.get(node.name, 0.0)) for node in scores.graph.nodes])
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)
