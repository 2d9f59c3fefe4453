"""Groups of a prompt's features that read and write alike, as proposals for supernodes.

1. Two features are compared in four parts, each from 0 to 1: what they read and what they write in the
   circuit (the cosine of the scores of their edges, neighbours of any position taken together), their decoder
   directions (the cosine), and whether they promote the same token most. A part that a pair does not have,
   such as readings of features without incoming edges, is left out; the similarity is the mean of the others.
2. Average linkage joins the two groups with the greatest mean similarity of their pairs, again and again,
   while it is at least the threshold.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, NodeKind, Scores

FloatMatrix = NDArray[np.float64]
PARTS = ("reads", "writes", "decoder", "token")
MAX_FEATURES = 1500  # of a circuit that are compared pair by pair
MAX_LISTED_FEATURES = 2  # that a group's name lists


@dataclass(frozen=True)
class ProposedGroup:
    """Features that might be one supernode.

    Attributes:
        name: A name for it.
        nodes: Names of its nodes, the strongest first.
        score: Mean similarity of its pairs, 0 to 1.
        parts: The same by part, without those that no pair has.
    """

    name: str
    nodes: tuple[str, ...]
    score: float
    parts: Mapping[str, float]


def propose_groups(
    scores: Scores,
    circuit: Circuit,
    directions: Mapping[str, NDArray[np.floating]],
    top_tokens: Mapping[str, str],
    threshold: float = 0.5,
    excluded: frozenset[str] = frozenset(),
    taken_names: Collection[str] = (),
) -> list[ProposedGroup]:
    """Return groups of a circuit's features and neurons, the best score first.

    Args:
        scores: Scores of the circuit's edges.
        circuit: A circuit of one prompt.
        directions: What each feature writes, [d_model], by node; its length does not matter.
        top_tokens: The token that each feature promotes most, by node.
        threshold: The least mean similarity of the pairs of two groups that are joined, 0 to 1.
        excluded: Nodes that are in a group already.
        taken_names: Names of groups that are there; no group is named so, nor as a node of the circuit.

    Raises:
        InputError: The threshold is out of range, or there are too many features.
    """
    if not 0 < threshold <= 1:
        raise InputError(f"The similarity {threshold:g} was given; more than 0 and at most 1 would be right.")
    kinds = (NodeKind.FEATURE, NodeKind.NEURON)
    names = [
        name
        for name in circuit.node_names
        if circuit.graph.node(name).kind in kinds and name in directions and name not in excluded
    ]
    if len(names) > MAX_FEATURES:
        raise InputError(
            f"The circuit has {len(names):,} features; up to {MAX_FEATURES:,} are grouped, so a smaller "
            "circuit would be right."
        )
    if len(names) < 2:
        return []
    parts = _similarity_parts(scores, circuit, names, directions, top_tokens)
    similarity = np.nanmean(np.stack(list(parts.values())), axis=0)
    strength = np.abs(scores.values * circuit.edges).sum(axis=1)
    sender_index = circuit.graph.sender_index
    groups = []
    for members in _average_linkage(similarity, threshold):
        order = sorted(
            members, key=lambda i: -strength[sender_index[names[i]]] if names[i] in sender_index else 0
        )
        pairs = np.ix_(members, members)
        is_pair = ~np.eye(len(members), dtype=bool)
        by_part = {part: values[pairs][is_pair] for part, values in parts.items()}
        means = {p: float(np.nanmean(v)) for p, v in by_part.items() if not np.isnan(v).all()}
        nodes = tuple(names[i] for i in order)
        score = float(similarity[pairs][is_pair].mean())
        groups.append(ProposedGroup(_group_name(nodes, top_tokens), nodes, score, means))
    taken = {*taken_names, *(node.name for node in circuit.graph.nodes)}
    return _with_distinct_names(sorted(groups, key=lambda group: (-group.score, group.nodes)), taken)


def _similarity_parts(
    scores: Scores,
    circuit: Circuit,
    names: Sequence[str],
    directions: Mapping[str, NDArray[np.floating]],
    top_tokens: Mapping[str, str],
) -> dict[str, FloatMatrix]:
    """Return similarities [features, features] by part; NaN where a pair does not have it."""
    graph, weights = circuit.graph, scores.values * circuit.edges
    no_rows = np.zeros((len(names), 1))
    writes, reads = no_rows, no_rows
    rows = np.array([graph.sender_index.get(name, -1) for name in names])
    if graph.receivers:
        writes = _join_positions(np.where(rows[:, None] >= 0, weights[rows], 0.0), graph.receivers)
        reads = _join_positions(
            _incoming(circuit, weights)[[graph.node_index[n] for n in names]], graph.senders
        )
    tokens = [top_tokens.get(name, "").strip().casefold() for name in names]
    same = np.array([[float(a == b) if a and b else np.nan for b in tokens] for a in tokens])
    return {
        "reads": _cosines(reads),
        "writes": _cosines(writes),
        "decoder": _cosines(np.stack([np.asarray(directions[name], dtype=np.float64) for name in names])),
        "token": same,
    }


def _incoming(circuit: Circuit, weights: FloatMatrix) -> FloatMatrix:
    """Return what enters each node of the graph, all its channels together, [nodes, senders]."""
    incoming = np.zeros((len(circuit.graph.nodes), len(weights)))
    for column, nodes in enumerate(circuit.graph.nodes_by_receiver):
        incoming[nodes] += weights[:, column]
    return incoming


def _join_positions(rows: FloatMatrix, neighbours: Sequence[str]) -> FloatMatrix:
    """Sum of the columns [features, neighbours] of nodes that differ in their position alone."""
    kinds = [name.partition("@")[0] for name in neighbours]
    index = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    joined = np.zeros((len(rows), len(index)))
    for column, kind in enumerate(kinds):
        joined[:, index[kind]] += rows[:, column]
    return joined


def _cosines(rows: FloatMatrix) -> FloatMatrix:
    """Cosines of rows, those below 0 as 0; NaN where one of the two is 0."""
    norms = np.linalg.norm(rows, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = rows / norms[:, None]
    return np.clip(unit @ unit.T, 0.0, 1.0)


def _average_linkage(similarity: FloatMatrix, threshold: float) -> list[list[int]]:
    """Return the groups of more than one row of a similarity matrix, joined down to a threshold."""
    groups = [[i] for i in range(len(similarity))]
    between = np.nan_to_num(similarity, nan=0.0)
    np.fill_diagonal(between, -1.0)
    while len(groups) > 1:
        check_cancelled()
        first, second = sorted(np.unravel_index(int(between.argmax()), between.shape))
        if between[first, second] < threshold:
            break
        n_first, n_second = len(groups[first]), len(groups[second])
        joined = (n_first * between[first] + n_second * between[second]) / (n_first + n_second)
        between[first], between[:, first] = joined, joined
        between[first, first] = -1.0
        between = np.delete(np.delete(between, second, 0), second, 1)
        groups[first] = groups[first] + groups.pop(second)
    return [sorted(group) for group in groups if len(group) > 1]


def _group_name(nodes: Sequence[str], top_tokens: Mapping[str, str]) -> str:
    """One feature at several positions by its name, a shared token as that, else the strongest by name."""
    features = list(dict.fromkeys(name.partition("@")[0] for name in nodes))
    if len(features) == 1:
        return f"{features[0]} at {len(nodes)} positions"
    tokens = {top_tokens.get(name, "").strip().casefold() for name in nodes}
    if len(tokens) == 1 and (token := tokens.pop()) and "->" not in token:
        return f"says ‘{token}’"
    listed = ", ".join(features[:MAX_LISTED_FEATURES])
    n_more = len(features) - MAX_LISTED_FEATURES
    return f"{listed} and {n_more} more" if n_more > 0 else listed


def _with_distinct_names(groups: Sequence[ProposedGroup], taken: set[str]) -> list[ProposedGroup]:
    """Number names that are taken: ``says ‘x’ (2)``."""
    used, distinct = set(taken), []
    for group in groups:
        numbered = (f"{group.name} ({number})" for number in itertools.count(2))
        name = next(name for name in itertools.chain([group.name], numbered) if name not in used)
        used.add(name)
        distinct.append(replace(group, name=name))
    return distinct
