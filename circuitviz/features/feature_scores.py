"""Conversion of a run's nodes and edges to the graph, scores and circuits of the graph package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.attention_contributors import (
    AttentionContributors,
    pull_back_through_scores,
    value_effect_of_node,
)
from circuitviz.features.feature_edges import Edges
from circuitviz.features.forward_order import attention_read_stage
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
        attribution = circuit.attribution.clone()
        if circuit.contributors is not None:  # they count through attention scores
            effects = torch.from_numpy(circuit.contributors.effects).to(attribution)
            attribution[torch.from_numpy(circuit.contributors.nodes).to(attribution.device)] = effects
        share = attribution[columns[readers]] / table.activation[columns[readers]]
        weights[readers] = rows[:, columns] * share[:, None]
        if circuit.contributors is not None:
            _add_score_edges(circuit, weights, circuit.contributors)
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
    if circuit.contributors is not None:
        numbers = circuit.contributors.effects.tolist()
        contributor_names = [table.node(int(i)).name for i in circuit.contributors.nodes]
        info["through_attention"] = dict(zip(contributor_names, numbers, strict=True))
    return scores_between_nodes(table, nodes, [circuit.target], _to_float64(weights), circuit.method, info)


def _add_score_edges(circuit: LocalCircuit, weights: Tensor, found: AttentionContributors) -> None:
    """Give each contributor edges through attention scores, which add up to its effect on the target.

    They end at the attention's features and heads whose scores it makes; what passes through attention that
    is no node of the circuit, or through other nodes, ends at the target.
    """
    table, nodes = circuit.table, circuit.nodes
    places = np.searchsorted(found.nodes, nodes)
    columns = np.flatnonzero(np.isin(nodes, found.nodes))
    written = table.written[torch.from_numpy(nodes[columns]).to(weights.device)]
    remaining = torch.from_numpy(found.effects[places[columns]]).to(weights)
    position = table.position[nodes[columns]].tolist()
    for row, node in enumerate(nodes.tolist()):
        effect = value_effect_of_node(table, node) if node not in found.nodes else None
        if effect is None:
            continue
        layer = int(table.layer[node])
        vectors = pull_back_through_scores(table.run, layer, effect)
        share = float(circuit.attribution[node] / table.activation[node])
        is_earlier = torch.from_numpy(table.stage[nodes[columns]] < attention_read_stage(layer))
        parts = (written * vectors[position]).sum(-1) * share * is_earlier.to(weights)
        weights[row, columns] += parts
        remaining = remaining - parts
    weights[-1, columns] += remaining


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
