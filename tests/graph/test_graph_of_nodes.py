"""Graphs of features: leaves need nothing before them, several targets need nothing after them."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores

SHAPE = ModelShape(2, 2, 8)
NODES = (
    Node("token@0", NodeKind.TOKEN, position=0, token=17),
    Node("a0.f3@1", NodeKind.FEATURE, 0, site="a", position=1, feature=3, dictionary="one"),
    Node("m0.error@1", NodeKind.ERROR, 0, site="m", position=1),
    Node("m1.f9@1", NodeKind.FEATURE, 1, site="m", position=1, feature=9, dictionary="two"),
    Node("logit.5@1", NodeKind.LOGITS, position=1, token=5),
    Node("logit.6@1", NodeKind.LOGITS, position=1, token=6),
)
EDGES = ((0, 1), (1, 3), (2, 3), (3, 4), (3, 5), (1, 5))


def graph() -> Graph:
    mask = np.zeros((4, 6), dtype=bool)
    for edge in EDGES:
        mask[edge] = True
    return Graph.of_nodes(SHAPE, NODES, mask, sinks=2)


def test_receivers_are_the_nodes_that_read() -> None:
    made = graph()
    assert made.senders == ("token@0", "a0.f3@1", "m0.error@1", "m1.f9@1")
    assert made.receivers == ("a0.f3@1", "m1.f9@1", "logit.5@1", "logit.6@1")
    assert made.n_edges == len(EDGES)
    assert made.roots.tolist() == [True, False, True, False, False, False]
    assert [made.depth(n.name) for n in NODES] == [0, 1, 2, 4, 5, 5]
    assert set(Circuit.full(made).edge_names) == {f"{NODES[s].name}->{NODES[r].name}" for s, r in EDGES}


def test_pruning_keeps_leaves_and_every_target() -> None:
    made = graph()
    whole = Circuit.full(made)
    assert whole.pruned() == whole
    assert whole.n_nodes == 6
    left = whole.ablate(edges=["token@0->a0.f3@1"]).pruned()
    assert left.edge_names == ("m0.error@1->m1.f9@1", "m1.f9@1->logit.5@1", "m1.f9@1->logit.6@1")


def test_circuits_are_chosen_from_all_targets() -> None:
    made = graph()
    values = np.zeros(made.mask.shape)
    values[made.edge("a0.f3@1->logit.6@1")] = 5
    values[made.edge("token@0->a0.f3@1")] = 4
    values[made.edge("m1.f9@1->logit.5@1")] = 1
    values[made.edge("m0.error@1->m1.f9@1")] = 1
    scores = Scores(made, values, "by hand")
    assert scores.greedy(2).edge_names == ("token@0->a0.f3@1", "a0.f3@1->logit.6@1")
    assert scores.greedy(4).n_edges == 4


def test_graphs_of_other_nodes_are_other_graphs() -> None:
    mask = np.zeros((4, 6), dtype=bool)
    mask[0, 1] = mask[1, 5] = True
    fewer = Graph.of_nodes(SHAPE, NODES, mask, sinks=2)
    assert graph().same_as(graph()) and not graph().same_as(fewer)
    assert Circuit.full(graph()) == Circuit.full(graph())
    assert Circuit.full(fewer) != Circuit.full(graph())


@pytest.mark.parametrize("name", ["\x00", "a\x00", "\x00a", " ", "é\x00\x00"])
def test_receivers_keep_every_character_of_their_names(name: str) -> None:
    nodes = (
        Node("token@0", NodeKind.TOKEN),
        Node(name, NodeKind.FEATURE),
        Node("long name", NodeKind.LOGITS),
    )
    made = Graph.of_nodes(SHAPE, nodes, np.triu(np.ones((2, 3), dtype=bool), 1))
    assert made.receivers == (name, "long name")


def test_wrong_graphs_are_refused() -> None:
    mask = np.zeros((4, 6), dtype=bool)
    with pytest.raises(InputError, match="a name of its own"):
        Graph.of_nodes(SHAPE, (NODES[0], *NODES[:5]), mask, sinks=2)
    mask[2, 1] = True
    with pytest.raises(InputError, match="edges go forward"):
        Graph.of_nodes(SHAPE, NODES, mask, sinks=2)
    with pytest.raises(InputError, match="no node 'm1.f8@1' in this graph.*Did you mean 'm1.f9@1'"):
        graph().node("m1.f8@1")


def test_edges_through_queries_and_keys_have_receivers_of_their_own() -> None:
    mask = np.zeros((4, 6), dtype=bool)
    mask[0, 1] = mask[1, 5] = True
    queries, keys = np.zeros_like(mask), np.zeros_like(mask)
    queries[0, 1] = keys[0, 4] = keys[2, 5] = True
    made = Graph.of_nodes(SHAPE, NODES, mask, 2, {"q": queries, "k": keys})
    feature, first, second = NODES[1].name, NODES[4].name, NODES[5].name
    assert made.receivers == (feature, f"{feature}<q>", first, f"{first}<k>", second, f"{second}<k>")
    assert [made.channel(r) for r in range(6)] == ["", "q", "", "k", "", "k"]
    assert made.nodes_by_receiver == [[1], [1], [4], [4], [5], [5]]
    names = set(made.edge_names(made.mask))
    assert names == {
        f"{NODES[0].name}->{feature}", f"{NODES[0].name}->{feature}<q>", f"{feature}->{second}",
        f"{NODES[0].name}->{first}<k>", f"{NODES[2].name}->{second}<k>",
    }  # fmt: skip
    queries[3, 2] = True
    with pytest.raises(InputError, match="edges go forward"):
        Graph.of_nodes(SHAPE, NODES, mask, 2, {"q": queries})
