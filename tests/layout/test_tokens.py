"""Columns of tokens: where nodes of a prompt's run stand, and what circuits without positions get."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from circuitviz.document import Label, State
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.layout import COLUMN_SPACING, layouts
from circuitviz.layout.by_token import position_columns
from circuitviz.scene.build_scene import build_scene

SHAPE = ModelShape(5, 4, 64)
TOKENS = 6


def features(seed: int = 0, n: int = 90) -> Circuit:
    """A graph of features at positions, some crowded; edges never go to an earlier token."""
    rng = np.random.default_rng(seed)
    nodes = [Node(f"token@{t}", NodeKind.TOKEN, position=t, token=t) for t in range(TOKENS)]
    made = sorted(
        (int(layer), str(site), int(rng.choice(TOKENS, p=[0.05, 0.05, 0.1, 0.1, 0.5, 0.2])))
        for layer, site in zip(rng.integers(0, 5, n), rng.choice(["a", "m"], n), strict=True)
    )
    for i, (layer, site, t) in enumerate(made):
        nodes.append(
            Node(f"{site}{layer}.f{i}@{t}", NodeKind.FEATURE, layer, site=site, position=t, feature=i)
        )
    nodes.append(Node("logit.7@5", NodeKind.LOGITS, position=TOKENS - 1, token=7))
    depth = [node.depth for node in nodes[:-1]] + [99]
    at = [node.position or 0 for node in nodes]
    mask = np.array(
        [[depth[i] < depth[j] and at[i] <= at[j] for j in range(len(nodes))] for i in range(len(nodes) - 1)]
    )
    graph = Graph.of_nodes(SHAPE, tuple(nodes), mask)
    chosen = graph.mask & (rng.random(graph.mask.shape) < 0.12)
    chosen[:, -1] = True
    return Circuit(graph, chosen).pruned()


def test_nodes_stand_in_their_tokens_column_and_nowhere_else() -> None:
    circuit = features()
    graph, names = circuit.graph, circuit.node_names
    spans = position_columns(graph, names)
    places = layouts.get("tokens").value(graph, names, circuit.edges, {})
    assert [span.position for span in spans] == sorted({graph.node(n).position for n in names})
    for left, right in itertools.pairwise(spans):
        assert left.right < right.left
    for span in spans:
        here = [name for name in names if graph.node(name).position == span.position]
        assert all(span.left < places[name][0] < span.right for name in here)
        busiest = max(sum(graph.depth(n) == d for n in here) for d in {graph.depth(n) for n in here})
        assert round((span.right - span.left) / COLUMN_SPACING) == busiest
    assert len({(round(x, 6), y) for x, y in places.values()}) == len(names)
    for sender, node in named_edges(circuit):
        assert places[sender][1] < places[node][1]


def test_no_two_boxes_overlap_and_tokens_are_written_below() -> None:
    circuit = features(1)
    labels = {f"token@{t}": Label(f" word{t}") for t in range(TOKENS) if t != 2}
    picture = build_scene(State(circuit=circuit, labels=labels), "tokens")
    positions = sorted({n.split("@")[1] for n in circuit.node_names}, key=int)
    assert [column.text for column in picture.columns] == [p if p == "2" else f" word{p}" for p in positions]
    seen = [(node.x, node.y) for node in picture.nodes]
    for (x, y), (u, v) in itertools.combinations(seen, 2):
        assert abs(x - u) >= 0.99 * COLUMN_SPACING or abs(y - v) > 40
    told = Scores(
        circuit.graph, np.ones(circuit.edges.shape), "x", info={"prompt": {"strings": list("abcdef")}}
    )
    written = build_scene(State(scores=told, circuit=circuit, labels=labels), "tokens").columns
    assert [column.text for column in written] == ["abcdef"[int(p)] for p in positions]


@pytest.mark.parametrize("seed", [2, 3])
def test_crossings_are_ordered_away(seed: int) -> None:
    """Fewer than in any of 25 random orders within the same cells."""
    circuit = features(seed, 120)
    graph, names = circuit.graph, circuit.node_names
    places = layouts.get("tokens").value(graph, names, circuit.edges, {})
    rng = np.random.default_rng(0)
    cells: dict[tuple[float, int | None], list[str]] = {}
    for name in names:
        cells.setdefault((places[name][1], graph.node(name).position), []).append(name)
    shuffled = []
    for _ in range(25):
        other = {}
        for members in cells.values():
            spots = [places[members[i]] for i in rng.permutation(len(members))]
            other.update(zip(members, spots, strict=True))
        shuffled.append(crossings(circuit, other))
    assert crossings(circuit, places) < min(shuffled)


def test_components_have_no_tokens_and_are_laid_out_by_layer() -> None:
    graph = Graph.transformer(SHAPE)
    circuit = Scores(graph, np.random.default_rng(4).normal(size=graph.mask.shape), "eap").greedy(60)
    names = circuit.node_names
    assert position_columns(graph, names) == ()
    by_token = layouts.get("tokens").value(graph, names, circuit.edges, {})
    assert by_token == layouts.get("layered").value(graph, names, circuit.edges, {})
    assert build_scene(State(circuit=circuit), "tokens").columns == ()


def test_pinned_nodes_stay_in_every_layout() -> None:
    circuit = features()
    name = circuit.node_names[9]
    for entry in layouts.entries():
        places = entry.value(circuit.graph, circuit.node_names, circuit.edges, {name: (5.0, -7.0)})
        assert places[name] == (5.0, -7.0) and set(places) == set(circuit.node_names)


def named_edges(circuit: Circuit) -> list[tuple[str, str]]:
    return [tuple(name.split("->")) for name in circuit.edge_names]  # type: ignore[misc]


def crossings(circuit: Circuit, places: dict[str, tuple[float, float]]) -> int:
    """Pairs of edges, as straight lines, that cross."""
    edges = named_edges(circuit)
    a, b = (np.array([places[edge[i]] for edge in edges]) for i in (0, 1))

    def side(c: np.ndarray) -> np.ndarray:
        way, off = (b - a)[:, None], c[None] - a[:, None]
        return np.sign(way[..., 0] * off[..., 1] - way[..., 1] * off[..., 0])

    parted = side(a) * side(b) < 0
    return int((parted & parted.T).sum()) // 2
