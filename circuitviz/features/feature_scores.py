"""Conversion of a run's nodes and edges to the graph, scores and circuits of the graph package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.attention_contributors import SIDES
from circuitviz.features.attention_score_edges import ScoreEdges, attention_score_edges
from circuitviz.features.feature_edges import FeatureEdgeRows
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
    side_weights: NDArray[Any] | None = None,
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
        side_weights: [sides, nodes + targets, nodes], of edges through queries and keys of attention scores.
    """
    all_nodes = [table.node(int(i)) for i in nodes] + [target.node for target in targets]
    by_channel = {"": np.ascontiguousarray(weights.T).astype(np.float64)}
    if side_weights is not None:
        by_channel |= {side: of_side.T for side, of_side in zip(SIDES, side_weights, strict=True)}
    masks = {channel: values != 0 for channel, values in by_channel.items()}
    graph = Graph.of_nodes(table.run.model.shape, tuple(all_nodes), masks.pop(""), len(targets), masks)
    activations = table.activation.cpu().numpy()[nodes].tolist() + [t.value for t in targets]
    full_info = {
        "prompt": {"tokens": table.run.token_ids, "strings": list(table.run.strings)},
        "activations": dict(zip((n.name for n in all_nodes), map(float, activations), strict=True)),
        "probabilities": _probabilities(table, targets),
        **info,
    }
    columns = [by_channel[graph.channel(r)][:, owners[0]] for r, owners in enumerate(graph.nodes_by_receiver)]
    return Scores(graph, np.stack(columns, axis=1), method, info=full_info)


def _probabilities(table: NodeTable, targets: Sequence[Target]) -> dict[str, float]:
    """Return the model's probability of each target that is a token, by name."""
    tokens = {target.node.name: target.node.token for target in targets}
    likely = table.run.logits.softmax(-1)
    return {name: float(likely[token]) for name, token in tokens.items() if token is not None}


def local_circuit_scores(edges: FeatureEdgeRows, circuit: LocalCircuit) -> Scores:
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
    through: ScoreEdges | None = None
    if circuit.contributors is not None:
        through = attention_score_edges(edges, circuit)
        numbers = circuit.contributors.effects.tolist()
        contributor_names = [table.node(int(i)).name for i in circuit.contributors.nodes]
        info["through_attention"] = dict(zip(contributor_names, numbers, strict=True))
        info["attention_ledger"] = {
            term: float(getattr(through.ledger, term)) for term in through.ledger.__slots__
        }
        info["score_places"] = {
            f"{names[column]}->{names[row]}<{SIDES[side]}>": [place.head, place.query, place.key]
            for (side, row, column), place in through.places.items()
            if through.weights[side, row, column]
        }
        info["query_key_pairs"] = [[p.query, p.key, p.head, p.effect] for p in through.pairs]
    values = _to_float64(weights)
    side_weights = None if through is None else through.weights
    return scores_between_nodes(table, nodes, [circuit.target], values, circuit.method, info, side_weights)


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
