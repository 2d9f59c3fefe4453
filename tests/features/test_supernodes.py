"""Proposed groups: similarities by hand, and groups that were built into a circuit are found again."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from circuitviz.errors import InputError
from circuitviz.features import propose_groups
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores

SHAPE = ModelShape(3, 2, 8)


def circuit_of(edges: dict[tuple[str, str], float]) -> tuple[Scores, Circuit]:
    """A prompt's circuit with these edges; features are named m{layer}.f{number}@{position}."""
    names = sorted({name for edge in edges for name in edge if name != "logit.1@3"})
    nodes = []
    for name in names:
        layer, _, rest = name.removeprefix("m").partition(".f")
        number, _, position = rest.partition("@")
        nodes.append(
            Node(
                name,
                NodeKind.FEATURE,
                int(layer),
                site="m",
                position=int(position),
                feature=int(number),
                dictionary="d",
            )
        )
    nodes.append(Node("logit.1@3", NodeKind.LOGITS, position=3, token=1))
    all_names = [node.name for node in nodes]
    mask = np.zeros((len(nodes) - 1, len(nodes)), dtype=bool)
    for source, target in edges:
        mask[all_names.index(source), all_names.index(target)] = True
    graph = Graph.of_nodes(SHAPE, tuple(nodes), mask, sinks=1)
    values = {f"{source}->{target}": value for (source, target), value in edges.items()}
    scores = Scores.from_names(graph, values, "direct-attribution")
    return scores, Circuit(graph, scores.values != 0)


EDGES = {
    ("m0.f1@0", "m1.f5@1"): 2.0,
    ("m0.f1@0", "m1.f6@1"): 4.0,
    ("m0.f1@2", "m1.f7@2"): 1.0,
    ("m0.f2@1", "m1.f8@2"): 3.0,
    ("m1.f5@1", "logit.1@3"): 1.0,
    ("m1.f6@1", "logit.1@3"): 2.0,
    ("m1.f7@2", "m2.f9@3"): 1.0,
    ("m1.f8@2", "m2.f9@3"): 1.0,
    ("m2.f9@3", "logit.1@3"): 1.0,
}  # fmt: skip


def directions_of(circuit: Circuit, **given: list[float]) -> dict[str, Any]:
    """A direction of its own for each node, but those that are given by feature."""
    own = np.eye(32)
    return {
        name: np.array(given[name.partition("@")[0].replace(".", "_")], dtype=float)
        if name.partition("@")[0].replace(".", "_") in given
        else own[i]
        for i, name in enumerate(circuit.node_names)
        if ".f" in name
    }


def test_similarity_is_the_mean_of_its_parts_by_hand() -> None:
    scores, circuit = circuit_of(EDGES)
    first, second = np.zeros(32), np.zeros(32)
    first[0], second[:2] = 2.0, (1.0, 1.0)
    directions = directions_of(circuit, m1_f5=first.tolist(), m1_f6=second.tolist())
    tokens = {"m1.f5@1": " Mary", "m1.f6@1": "mary", "m0.f1@0": " x"}
    groups = propose_groups(scores, circuit, directions, tokens, 0.9)
    (group,) = [one for one in groups if "m1.f5@1" in one.nodes]
    assert set(group.nodes) == {"m1.f5@1", "m1.f6@1"} and group.nodes[0] == "m1.f6@1"  # the stronger first
    # both read m0.f1 alone and write the logit alone; decoders at 45 degrees; the same token
    expected = {"reads": 1.0, "writes": 1.0, "decoder": 0.5**0.5, "token": 1.0}
    assert group.parts == pytest.approx(expected) and group.score == pytest.approx(
        np.mean(list(expected.values()))
    )
    assert group.name == "says ‘mary’"


def test_neighbours_are_joined_over_positions_and_missing_parts_are_left_out() -> None:
    scores, circuit = circuit_of(EDGES)
    groups = propose_groups(scores, circuit, directions_of(circuit), {}, 0.3)
    parts = {frozenset(one.nodes): one.parts for one in groups}
    # m0.f1 at 0 reads nothing: it has no part 'reads', and no token is known
    assert all("token" not in one for one in parts.values())
    (both,) = [one for nodes, one in parts.items() if {"m1.f5@1", "m1.f6@1"} <= nodes]
    assert both["reads"] == pytest.approx(1.0)
    # m0.f1 at 0 and at 2 is one neighbour: reads 1, writes 0, decoder 1
    directions, excluded = directions_of(circuit, m1_f5=[1] * 32, m1_f7=[1] * 32), frozenset({"m1.f6@1"})
    (pair,) = propose_groups(scores, circuit, directions, {}, 0.6, excluded)
    assert set(pair.nodes) == {"m1.f5@1", "m1.f7@2"} and pair.parts["reads"] == pytest.approx(1.0)


def test_edges_through_attention_scores_are_read_too() -> None:
    names = ["m0.f1@0", "m1.f5@1", "m1.f6@1", "logit.1@3"]
    numbers = [(int(name[1]), int(name[4]), int(name[-1])) for name in names[:3]]
    nodes = [
        Node(name, NodeKind.FEATURE, layer, site="m", position=position, feature=feature, dictionary="d")
        for name, (layer, feature, position) in zip(names, numbers, strict=False)
    ]
    written, through_keys = np.zeros((3, 4), dtype=bool), np.zeros((3, 4), dtype=bool)
    written[1:, 3], through_keys[0, 1:3] = True, True
    logit = Node("logit.1@3", NodeKind.LOGITS, position=3, token=1)
    graph = Graph.of_nodes(SHAPE, (*nodes, logit), written, 1, {"k": through_keys})
    circuit = Circuit(graph, graph.mask.copy())
    scores = Scores(graph, graph.mask * 2.0, "direct-attribution")
    (group,) = propose_groups(scores, circuit, directions_of(circuit), {}, 0.5)
    assert set(group.nodes) == {"m1.f5@1", "m1.f6@1"}
    assert group.parts == pytest.approx({"reads": 1.0, "writes": 1.0, "decoder": 0.0})


def test_names_of_groups_that_are_there_and_of_nodes_are_not_given_again() -> None:
    scores, circuit = circuit_of(EDGES)
    directions = directions_of(circuit, m1_f5=[1] * 32, m1_f6=[1] * 32)

    def name(token: str, *taken: str) -> str:
        tokens = {"m1.f5@1": token, "m1.f6@1": token}
        (group,) = propose_groups(scores, circuit, directions, tokens, 0.95, taken_names=taken)
        return group.name

    assert name("x", "says ‘y’") == "says ‘x’"
    assert name("x", "says ‘x’", "says ‘x’ (2)") == "says ‘x’ (3)"


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_groups_are_disjoint_and_as_similar_as_asked(threshold: float) -> None:
    draw = np.random.default_rng(3)
    edges = {
        (f"m{a}.f{i}@{i % 3}", f"m{a + 1}.f{j}@{2}"): float(draw.normal())
        for a, i, j in itertools.product(range(2), range(5), range(5))
        if draw.random() < 0.5
    }
    edges |= {(f"m2.f{j}@2", "logit.1@3"): 1.0 for j in range(5)}
    scores, circuit = circuit_of(edges)
    directions = {name: draw.normal(size=6) for name in circuit.node_names if ".f" in name}
    groups = propose_groups(scores, circuit, directions, {}, threshold)
    members = [name for one in groups for name in one.nodes]
    assert len(members) == len(set(members)) and all(len(one.nodes) > 1 for one in groups)
    assert [one.score for one in groups] == sorted((one.score for one in groups), reverse=True)
    assert len({one.name for one in groups}) == len(groups)
    excluded = frozenset(members[:1])
    assert not excluded & {
        n for g in propose_groups(scores, circuit, directions, {}, threshold, excluded) for n in g.nodes
    }


def test_a_threshold_out_of_range_is_refused() -> None:
    scores, circuit = circuit_of(EDGES)
    for threshold in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(InputError, match="at most 1"):
            propose_groups(scores, circuit, directions_of(circuit), {}, threshold)
