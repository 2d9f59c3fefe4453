"""Conversion of a run's nodes and edges to the graph, scores and circuits of the graph package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.feature_edges import Edges
from circuitviz.features.local_circuits import LOCAL_METHODS, LocalCircuit
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import BoolMatrix, Circuit, Graph, Scores

KEPT_SCORE_SHARE = 0.98  # share of all |score| on the selected edges, as in circuit-tracer


def scores_between_nodes(
    table: NodeTable,
    nodes: NDArray[np.intp],
    targets: Sequence[Target],
    weights: NDArray[Any],
    method: str,
    info: dict[str, Any],
) -> Scores:
    """Make scores of the edges between some nodes and into targets.

    Args:
        table: The nodes of the prompt.
        nodes: Rows of the table, in order of stages.
        targets: The targets.
        weights: [nodes + targets, nodes], into × from.
        method: Name of the method.
        info: Further results of the method; the prompt, activations by node name, and the probabilities of
            targets that are tokens are added.
    """
    all_nodes = [table.node(int(i)) for i in nodes] + [target.node for target in targets]
    values = np.ascontiguousarray(weights.T).astype(np.float64)
    graph = Graph.of_nodes(table.run.model.shape, tuple(all_nodes), values != 0, sinks=len(targets))
    has_receiver = np.isin([node.name for node in all_nodes], graph.receivers)
    activations = table.activation.cpu().numpy()[nodes].tolist() + [t.value for t in targets]
    full_info = {
        "prompt": {"tokens": table.run.token_ids, "strings": list(table.run.strings)},
        "activations": dict(zip((n.name for n in all_nodes), map(float, activations), strict=True)),
        "probabilities": _probabilities(table, targets),
        **info,
    }
    return Scores(graph, np.ascontiguousarray(values[:, has_receiver]), method, info=full_info)


def _probabilities(table: NodeTable, targets: Sequence[Target]) -> dict[str, float]:
    """Return the model's probability of each target that is a token, by name."""
    tokens = {target.node.name: target.node.token for target in targets}
    likely = table.run.logits.softmax(-1)
    return {name: float(likely[token]) for name, token in tokens.items() if token is not None}


def local_circuit_scores(edges: Edges, circuit: LocalCircuit) -> Scores:
    """Return the part of the target's value that is attributed to each edge of a local circuit.

    Into a node: its attribution, divided among what it reads; direct attribution has edges into the
    target alone.
    """
    table, nodes = circuit.table, circuit.nodes
    columns = torch.from_numpy(nodes).to(circuit.attribution.device)
    weights = circuit.attribution.new_zeros(len(nodes) + 1, len(nodes))
    weights[-1] = edges.row_into(circuit.target)[0][columns]
    if circuit.method == LOCAL_METHODS[0]:
        readers = np.flatnonzero(~table.is_leaf[nodes])
        rows, _ = edges.rows(nodes[readers])
        share = circuit.attribution[columns[readers]] / table.activation[columns[readers]]
        weights[readers] = rows[:, columns] * share[:, None]
    names = [*circuit.names, circuit.target.node.name]
    attributions = [*circuit.attribution[columns].tolist(), circuit.target.value]
    info = {
        "target": circuit.target.node.name,
        "gate": circuit.gate,
        "tau": circuit.tau,
        "fraction": circuit.fraction,
        "ledger": {term: float(getattr(circuit.ledger, term)) for term in circuit.ledger.__slots__},
        "attributions": dict(zip(names, map(float, attributions), strict=True)),
    }
    return scores_between_nodes(table, nodes, [circuit.target], _to_float64(weights), circuit.method, info)


def strongest_edges(scores: Scores, share: float = KEPT_SCORE_SHARE) -> Circuit:
    """Return the circuit of the edges that hold a share of all |score|, and each node's strongest edge.

    So every node stays connected towards the target.
    """
    sizes = np.abs(np.where(scores.graph.mask, scores.values, 0.0))
    is_selected = largest_to_share(sizes, share)
    best = sizes.argmax(axis=1)
    rows = np.flatnonzero(sizes.max(axis=1) > 0)
    is_selected[rows, best[rows]] = True
    return Circuit(scores.graph, is_selected & scores.graph.mask)


def largest_to_share(sizes: NDArray[Any], share: float) -> BoolMatrix:
    """Return the largest entries that together reach a share of the sum, and all equal to the least."""
    order = np.argsort(-sizes, axis=None, kind="stable")
    running = np.cumsum(sizes.ravel()[order], dtype=np.float64)
    if not len(order):
        return np.zeros(sizes.shape, dtype=bool)
    last = int(np.searchsorted(running, share * running[-1] * (1 - 1e-12)))
    return np.asarray((sizes >= sizes.ravel()[order[last]]) & (sizes > 0))


def _to_float64(weights: Tensor) -> NDArray[np.float64]:
    return weights.double().cpu().numpy()
