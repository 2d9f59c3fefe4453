"""Boxes and filters of the picture against slow sums, names and counts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.document import Group, Label, State, ViewFilters
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.layout import layouts
from circuitviz.layout.box_spacing import NODE_SIZE, make_room_for_boxes
from circuitviz.scene.box_label import layout_box_label
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.folded_scene import drawn_selection, expand_selection
from circuitviz.scene.status_text import count_drawn, count_edges_in_boxes, status_text

GRAPH = Graph.transformer(ModelShape(4, 4, 32))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(120)
NAMES = CIRCUIT.node_names
STATE = State(None, SCORES, CIRCUIT)


@st.composite
def grouped(draw: st.DrawFn) -> State:
    places = draw(st.lists(st.integers(0, 6), min_size=len(NAMES), max_size=len(NAMES)))
    groups = {}
    for i in range(4):
        nodes = frozenset(n for n, at in zip(NAMES, places, strict=True) if at == i)
        if nodes:
            groups[f"A group of number {i}"] = Group(nodes, collapsed=draw(st.booleans()))
    out = draw(st.sets(st.sampled_from(NAMES), max_size=3)) - {"logits"}
    return replace(STATE, groups=groups, ablated_nodes=frozenset(out))


@settings(deadline=None)  # the first example loads the layouts
@given(grouped())
def test_boxes_hold_arrows_sum_and_nothing_is_uncounted(state: State) -> None:
    picture = build_scene(state)
    assert sorted(n for node in picture.nodes for n in node.members or (node.name,)) == sorted(NAMES)
    edges, nodes = count_drawn(picture)
    assert edges + count_edges_in_boxes(picture) == 120 and nodes == len(NAMES)
    for edge in picture.edges:
        held = expand_selection(picture, frozenset(), {edge.name})[1]
        alive = [n for n in held if n.partition("->")[0] not in state.ablated_nodes]
        assert len(held) == edge.n_edges and edge.ablated == (not alive)
        if picture.folding is not None:
            assert edge.score == pytest.approx(sum(SCORES.values[GRAPH.edge(n)] for n in alive), abs=1e-9)
    everything = expand_selection(picture, set(picture.by_name), {e.name for e in picture.edges})
    assert everything[0] == set(NAMES) and len(everything[1]) == edges
    assert drawn_selection(picture, *everything) == (set(picture.by_name), {e.name for e in picture.edges})


@given(grouped(), st.sets(st.sampled_from(NAMES)))
def test_a_box_is_selected_where_all_of_it_is(state: State, nodes: set[str]) -> None:
    picture = build_scene(state)
    shown, _ = drawn_selection(picture, nodes, frozenset())
    for node in picture.nodes:
        assert (node.name in shown) == (set(node.members or (node.name,)) <= nodes)


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("layout", layouts.names())
def test_no_box_lies_on_another(layout: str) -> None:
    from circuitviz.paint.circuit_painter import node_box

    pick = np.random.default_rng(1)
    for _ in range(12):
        places = pick.integers(0, 5, len(NAMES))
        groups = {
            f"Previous Token Heads {i}": Group(
                frozenset(n for n, at in zip(NAMES, places, strict=True) if at == i), collapsed=True
            )
            for i in range(3)
        }
        picture = build_scene(replace(STATE, groups=groups), layout)
        for one, two in itertools.combinations(picture.nodes, 2):
            assert not node_box(one).intersects(node_box(two)), (layout, one.name, two.name)


def test_a_place_given_by_hand_is_kept_and_rows_keep_their_order() -> None:
    groups = {
        "Early": Group(
            frozenset(n for n in NAMES if n.startswith("a0")), collapsed=True, place=(-300.0, 70.0)
        )
    }
    node = build_scene(replace(STATE, groups=groups)).by_name["Early"]
    assert (node.x, node.y) == (-300.0, 70.0)
    places = {"a": (0.0, 0.0), "b": (92.0, 0.0), "c": (0.0, 66.0), "d": (92.0, 66.0)}
    moved = make_room_for_boxes(places, {"b": (200.0, 82.0)}, ())
    assert moved["b"][0] - moved["a"][0] >= (200 + NODE_SIZE[0]) / 2 and moved["c"][1] >= 66 + 25
    assert moved["d"][0] - moved["c"][0] == 92 and make_room_for_boxes(places, {}, ()) == places
    assert make_room_for_boxes(places, {"b": (200.0, 82.0)}, {"b"})["b"] == places["b"]


@given(
    grouped(),
    st.builds(
        ViewFilters,
        most=st.none() | st.integers(0, 130),
        least=st.floats(0, 2),
        hidden_signs=st.frozensets(st.sampled_from(["positive", "negative"])),
        hidden_channels=st.frozensets(st.sampled_from(["q", "k", "v", ""])),
        hidden_kinds=st.frozensets(st.sampled_from(["input", "head", "mlp", "logits"])),
        low=st.none() | st.integers(0, 3),
        high=st.none() | st.integers(0, 3),
        score=st.floats(0, 2),
        joined=st.booleans(),
    ),
)
def test_filters_leave_exactly_what_they_say(state: State, sight: ViewFilters) -> None:
    whole, picture = build_scene(state), build_scene(replace(state, filters=sight))
    layers = range(sight.low or 0, 4 if sight.high is None else sight.high + 1)

    def fits(name: str) -> bool:
        node = GRAPH.node(name)
        return node.kind not in sight.hidden_kinds and (node.layer is None or node.layer in layers)

    nodes = {
        n.name
        for n in whole.nodes
        if any(map(fits, n.members or (n.name,))) and (abs(n.score) >= sight.score or n.name == "logits")
    }
    edges = [
        e
        for e in whole.edges
        if {e.sender, e.receiver} <= nodes
        and abs(e.score) >= sight.least
        and e.channel not in sight.hidden_channels
        and ("negative" if e.score < 0 else "positive") not in sight.hidden_signs
    ]
    if sight.most is not None:
        edges = edges[max(0, len(edges) - sight.most) :]
    if sight.joined:
        nodes &= {e.sender for e in edges} | {e.receiver for e in edges}
    assert list(picture.edges) == edges and [n.name for n in picture.nodes] == [
        n.name for n in whole.nodes if n.name in nodes
    ]
    assert ViewFilters.from_json(sight.to_json()) == sight
    if not sight.shows_everything:
        shown, held = count_drawn(picture)
        assert f"showing {shown:,} of the circuit's 120 edges and {held:,} of its" in status_text(
            replace(state, filters=sight), picture
        )


def test_what_is_written_in_boxes_and_said_below() -> None:
    written = layout_box_label("Previous Token", ("a0.h1", "a10.h12", "m3"))
    assert written.title == ("Previous Token",) and written.lines == ("0.1, 10.12, MLP\u00a03",)
    many = layout_box_label(
        "A name that is rather long for a box, and goes on", tuple(f"a1.h{i}" for i in range(30))
    )
    assert len(many.title) == 2 and len(many.lines) == 3 and many.lines[-1] == "… 30 nodes"
    early = Group(frozenset(n for n in NAMES if n.startswith(("a0", "a1"))), collapsed=True)
    state = replace(STATE, groups={"Early": early}, labels={"m3": Label("late")})
    picture = build_scene(state)
    within = count_edges_in_boxes(picture)
    assert (
        within
        and status_text(state, picture)
        == f"showing 120 of {GRAPH.n_edges:,} edges, {within} of them inside groups"
    )
    assert status_text(STATE, build_scene(STATE), is_searching=True).startswith(
        "still searching: showing 120"
    )
    assert (
        status_text(STATE, build_scene(STATE, max_edges=50))
        == "showing the 50 strongest of the circuit's 120 edges"
    )
    assert status_text(State(), build_scene(State())) == ""


@pytest.mark.parametrize(
    "bad",
    [
        {"most": -1},
        {"most": 1.5},
        {"least": "x"},
        {"least": float("inf")},
        {"joined": 1},
        {"hidden_kinds": "mlp"},
        {"low": True},
    ],
)
def test_filters_that_cannot_be_are_refused(bad: dict[str, object]) -> None:
    from circuitviz.errors import InputError

    with pytest.raises(InputError, match="its filter"):
        ViewFilters.from_json(bad)
    assert ViewFilters.from_json({"a later version's": 3}) == ViewFilters()
