"""Many hops, against networkx and against every path written out."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from circuitviz.graph import Circuit, Graph, ModelShape, Scores
from circuitviz.graph.connectivity import Connectivity

SHAPES = {
    "plain": ModelShape(3, 3, 32),
    "grouped": ModelShape(3, 4, 32, n_kv_heads=2),
    "parallel": ModelShape(3, 3, 32, parallel=True),
}


def made(name: str, edges: int = 45) -> tuple[Circuit, Scores]:
    graph = Graph.transformer(SHAPES[name])
    values = np.random.default_rng(11).normal(size=graph.mask.shape)
    scores = Scores(graph, values, "eap")
    return scores.greedy(edges), scores


def oracle(circuit: Circuit, scores: Scores) -> nx.MultiDiGraph:
    """Edge by edge from names alone."""
    net = nx.MultiDiGraph()
    shape = circuit.graph.shape
    for name in circuit.edge_names:
        sender, receiver = name.split("->")
        node = receiver.split("<")[0]
        heads = [node]
        if ".kv" in node:
            layer, number = node.split(".kv")
            heads = [
                f"{layer}.h{int(number) * shape.queries_per_kv_head + i}"
                for i in range(shape.queries_per_kv_head)
            ]
        for head in heads:
            if head in circuit.node_names:
                net.add_edge(sender, head, key=name, size=abs(scores.values[circuit.graph.edge(name)]))
    return net


@pytest.mark.parametrize("shape", SHAPES)
def test_upstream_and_downstream_are_ancestors_and_descendants(shape: str) -> None:
    circuit, scores = made(shape)
    wiring, net = Connectivity.of_circuit(circuit, scores.values), oracle(circuit, scores)
    for name in circuit.node_names:
        assert wiring.upstream({name}) == nx.ancestors(net, name) | {name}
        assert wiring.downstream({name}) == nx.descendants(net, name) | {name}
    two = set(circuit.node_names[2:4])
    assert wiring.upstream(two) == set().union(*(nx.ancestors(net, n) for n in two)) | two


@pytest.mark.parametrize("shape", SHAPES)
def test_paths_are_all_paths_the_strongest_first(shape: str) -> None:
    circuit, scores = made(shape)
    wiring, net = Connectivity.of_circuit(circuit, scores.values), oracle(circuit, scores)
    into = {n: sum(d["size"] for *_, d in net.in_edges(n, data=True)) for n in net}
    several = 0
    for start in circuit.node_names:
        for end in circuit.node_names[-6:]:
            found = list(wiring.iter_paths(start, end))
            wanted = (
                {}
                if start == end
                else {
                    tuple(key for *_, key in path): path for path in nx.all_simple_edge_paths(net, start, end)
                }
            )
            assert {path.edges for path in found} == set(wanted)
            assert len(found) == len(wanted) == wiring.count_paths(start, end)
            several += len(found) > 3
            for path in found:
                assert list(path.edges) == [key for *_, key in wanted[path.edges]]
                assert list(pairwise(path.nodes)) == [(a, b) for a, b, _ in wanted[path.edges]]
                sizes = [net.edges[step]["size"] for step in wanted[path.edges]]
                assert path.strength == pytest.approx(min(sizes))
                shares = [s / into[b] for s, (_, b, _) in zip(sizes, wanted[path.edges], strict=True)]
                assert path.share == pytest.approx(float(np.prod(shares)))
            strengths = [path.strength for path in found]
            assert strengths == sorted(strengths, reverse=True)
            nodes, edges = wiring.nodes_and_edges_between(start, end)
            assert edges == {key for path in wanted for key in path}
            assert nodes == {n for path in found for n in path.nodes}
    assert several > 3


def test_influence_is_the_sum_of_shares_and_the_series_of_the_matrix() -> None:
    circuit, scores = made("plain")
    wiring = Connectivity.of_circuit(circuit, scores.values)
    size = np.zeros((len(wiring.nodes), len(wiring.nodes)))
    np.add.at(size, (wiring.destination, wiring.source), np.abs(wiring.score))
    normal = size / np.maximum(size.sum(1, keepdims=True), 1e-300)
    series = np.linalg.inv(np.eye(len(size)) - normal) - np.eye(len(size))
    for start in circuit.node_names[:5]:
        told = wiring.influence(start, "logits")
        assert told == pytest.approx(series[wiring.node_index["logits"], wiring.node_index[start]])
        assert told == pytest.approx(sum(path.share for path in wiring.iter_paths(start, "logits")))
    assert wiring.influence("input", "logits") == pytest.approx(1.0)


def test_the_strongest_of_more_paths_than_anyone_could_list_come_at_once() -> None:
    graph = Graph.transformer(ModelShape(12, 12, 768))
    values = np.random.default_rng(0).normal(size=graph.mask.shape)
    wiring = Connectivity.of_circuit(Circuit.full(graph), values)
    assert wiring.count_paths("input", "logits") > 10**20
    paths = wiring.iter_paths("input", "logits")
    best = [next(paths).strength for _ in range(20)]
    net = nx.DiGraph()
    for tail, head, score in zip(
        wiring.source.tolist(), wiring.destination.tolist(), wiring.score, strict=True
    ):
        size = max(abs(score), net.edges[tail, head]["size"] if net.has_edge(tail, head) else 0.0)
        net.add_edge(tail, head, size=size)
    # the strength of the strongest path is the highest threshold at which the ends still join
    thresholds = np.sort(np.abs(wiring.score))
    low, high = 0, len(thresholds) - 1
    while low < high:
        middle = (low + high + 1) // 2
        kept = nx.DiGraph((a, b) for a, b, d in net.edges(data=True) if d["size"] >= thresholds[middle])
        ends = wiring.node_index["input"], wiring.node_index["logits"]
        joined = all(end in kept for end in ends) and nx.has_path(kept, *ends)
        low, high = (middle, high) if joined else (low, middle - 1)
    assert best[0] == thresholds[low]
    assert best == sorted(best, reverse=True)


def test_without_scores_every_edge_is_one() -> None:
    circuit, _ = made("plain")
    wiring = Connectivity.of_circuit(circuit)
    assert next(wiring.iter_paths("input", "logits")).strength == 1.0
    assert list(wiring.iter_paths("logits", "input")) == []
    assert wiring.nodes_and_edges_between("logits", "input") == (set(), set())
