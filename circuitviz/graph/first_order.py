"""First-order prediction of an ablation in a feature circuit, from its stored scores, without a model run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph.scores import Scores


def estimate_target_change(scores: Scores, factors: Mapping[str, float]) -> float | None:
    """First-order change of the first target when the outputs of some nodes are scaled.

    A scaled node passes on nothing of what changes before it, as in a run with frozen attention patterns, so
    that what flows through two scaled nodes counts once.

    Args:
        scores: Scores of a circuit of features; ``scores.info`` holds ``attributions`` or ``activations`` by
            node.
        factors: By node name, the factor on the node's own output: 0 ablates it, 1 leaves it unchanged.

    Returns:
        The change of the target, in the target's unit; None where the scores do not hold the nodes' values.
    """
    scale = _scale_per_node(scores)
    if scale is None:
        return None
    graph, values = scores.graph, np.where(scores.graph.mask, scores.values, 0.0)
    target = len(graph.nodes) - graph.sinks
    is_unscaled = np.array([node.name not in factors for node in graph.nodes])
    owner = graph.owners.argmax(axis=1)  # the node of each receiver
    weight = np.zeros(len(graph.nodes))  # the target's change per unit of a node's value
    weight[target] = 1.0
    effect = np.zeros(len(graph.nodes))
    for node in range(len(graph.senders) - 1, -1, -1):
        effect[node] = values[node] @ (weight[owner] * is_unscaled[owner])
        weight[node] = effect[node] * scale[node]
    return float(sum((factor - 1) * effect[graph.node_index[name]] for name, factor in factors.items()))


def _scale_per_node(scores: Scores) -> NDArray[np.float64] | None:
    """1 / (sum of the scores into each node), [nodes].

    That sum is the node's attribution in a local circuit, else its activation.
    """
    sums_by_name = scores.info.get("attributions") or scores.info.get("activations")
    if sums_by_name is None:
        return None
    values = np.array([float(sums_by_name.get(node.name, 0.0)) for node in scores.graph.nodes])
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0)
