"""What a circuit of features would lose, from its stored scores: every path counted once, by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from circuitviz.graph import Graph, ModelShape, Node, NodeKind, Scores, estimate_target_change

SHAPE = ModelShape(2, 2, 8)
NAMES = ("token@0", "m0.f1@0", "m0.f2@0", "m1.f3@0")


def made(values: np.ndarray, info: dict) -> Scores:
    nodes = [Node("token@0", NodeKind.TOKEN, position=0)]
    nodes += [
        Node(n, NodeKind.FEATURE, int(n[1]), site="m", position=0, feature=int(n[4])) for n in NAMES[1:]
    ]
    nodes.append(Node("logit.5@0", NodeKind.LOGITS, position=0, token=5))
    graph = Graph.of_nodes(SHAPE, tuple(nodes), values != 0)
    reading = np.isin([n.name for n in nodes], graph.receivers)
    return Scores(graph, np.ascontiguousarray(values[:, reading]), "attribution-graph", info=info)


def by_paths(values: np.ndarray, through: np.ndarray, shares: dict[str, float]) -> float:
    """Sum over every path from a changed node to the target that meets no other changed node."""
    last, total = values.shape[1] - 1, 0.0
    for start, name in enumerate(NAMES):
        if name not in shares:
            continue
        between = [i for i in range(start + 1, last) if NAMES[i] not in shares]
        for size in range(len(between) + 1):
            for path in itertools.combinations(between, size):
                stops = [start, *path, last]
                gain = 1.0
                for a, b in itertools.pairwise(stops):
                    gain *= values[a, b] * (1.0 if b == last else 1 / through[b])
                total += (shares[name] - 1) * gain
    return total


@pytest.mark.parametrize("shares", [{"m0.f1@0": 0.0}, {"token@0": 0.0, "m0.f2@0": 0.5}, {"m1.f3@0": 2.0}, {}])
def test_changes_are_sums_over_paths(shares: dict[str, float]) -> None:
    values = np.zeros((4, 5))
    values[0] = [0, 1.5, -0.5, 0.25, 0.75]
    values[1] = [0, 0, 0, 2.0, -1.0]
    values[2] = [0, 0, 0, 0.5, 3.0]
    values[3] = [0, 0, 0, 0, 1.25]
    activation = np.array([1.0, 2.0, 0.5, 4.0, 7.0])
    named = dict(zip([*NAMES, "logit.5@0"], activation.tolist(), strict=True))
    scores = made(values, {"activations": named})
    assert estimate_target_change(scores, shares) == pytest.approx(by_paths(values, activation, shares))
    assert estimate_target_change(made(values, {}), shares) is None
    told = made(values, {"activations": {}, "attributions": named})  # a local circuit's own values come first
    assert estimate_target_change(told, shares) == pytest.approx(by_paths(values, activation, shares))
