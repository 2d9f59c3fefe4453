"""Boxes and filters of the picture against slow sums, names and counts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.canvas.folded import standing, unfolded
from circuitviz.canvas.inscription import inscribed
from circuitviz.canvas.note import drawn, inside, note_of
from circuitviz.canvas.picture import picture_of
from circuitviz.graph import Graph, Scores, Shape
from circuitviz.layout import layouts
from circuitviz.layout.room import NODE, make_room
from circuitviz.session import Group, Label, Sight, State

GRAPH = Graph.transformer(Shape(4, 4, 32))
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
    picture = picture_of(state)
    assert sorted(n for node in picture.nodes for n in node.members or (node.name,)) == sorted(NAMES)
    edges, nodes = drawn(picture)
    assert edges + inside(picture) == 120 and nodes == len(NAMES)
    for edge in picture.edges:
        held = unfolded(picture, frozenset(), {edge.name})[1]
        alive = [n for n in held if n.partition("->")[0] not in state.ablated_nodes]
        assert len(held) == edge.count and edge.ablated == (not alive)
        if picture.folding is not None:
            assert edge.score == pytest.approx(sum(SCORES.values[GRAPH.edge(n)] for n in alive), abs=1e-9)
    everything = unfolded(picture, set(picture.by_name), {e.name for e in picture.edges})
    assert everything[0] == set(NAMES) and len(everything[1]) == edges
    assert standing(picture, *everything) == (set(picture.by_name), {e.name for e in picture.edges})


@given(grouped(), st.sets(st.sampled_from(NAMES)))
def test_a_box_is_selected_where_all_of_it_is(state: State, nodes: set[str]) -> None:
    picture = picture_of(state)
    shown, _ = standing(picture, nodes, frozenset())
    for node in picture.nodes:
        assert (node.name in shown) == (set(node.members or (node.name,)) <= nodes)


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("layout", layouts.names())
def test_no_box_lies_on_another(layout: str) -> None:
    from circuitviz.canvas.paint import box

    pick = np.random.default_rng(1)
    for _ in range(12):
        places = pick.integers(0, 5, len(NAMES))
        groups = {
            f"Previous Token Heads {i}": Group(
                frozenset(n for n, at in zip(NAMES, places, strict=True) if at == i), collapsed=True
            )
            for i in range(3)
        }
        picture = picture_of(replace(STATE, groups=groups), layout)
        for one, two in itertools.combinations(picture.nodes, 2):
            assert not box(one).intersects(box(two)), (layout, one.name, two.name)


def test_a_place_given_by_hand_is_kept_and_rows_keep_their_order() -> None:
    groups = {
        "Early": Group(
            frozenset(n for n in NAMES if n.startswith("a0")), collapsed=True, place=(-300.0, 70.0)
        )
    }
    node = picture_of(replace(STATE, groups=groups)).by_name["Early"]
    assert (node.x, node.y) == (-300.0, 70.0)
    places = {"a": (0.0, 0.0), "b": (92.0, 0.0), "c": (0.0, 66.0), "d": (92.0, 66.0)}
    moved = make_room(places, {"b": (200.0, 82.0)}, ())
    assert moved["b"][0] - moved["a"][0] >= (200 + NODE[0]) / 2 and moved["c"][1] >= 66 + 25
    assert moved["d"][0] - moved["c"][0] == 92 and make_room(places, {}, ()) == places
    assert make_room(places, {"b": (200.0, 82.0)}, {"b"})["b"] == places["b"]


@given(
    grouped(),
    st.builds(
        Sight,
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
def test_filters_leave_exactly_what_they_say(state: State, sight: Sight) -> None:
    whole, picture = picture_of(state), picture_of(replace(state, sight=sight))
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
        if {e.sender, e.node} <= nodes
        and abs(e.score) >= sight.least
        and e.channel not in sight.hidden_channels
        and ("negative" if e.score < 0 else "positive") not in sight.hidden_signs
    ]
    if sight.most is not None:
        edges = edges[max(0, len(edges) - sight.most) :]
    if sight.joined:
        nodes &= {e.sender for e in edges} | {e.node for e in edges}
    assert list(picture.edges) == edges and [n.name for n in picture.nodes] == [
        n.name for n in whole.nodes if n.name in nodes
    ]
    assert Sight.of(sight.plain()) == sight
    if not sight.open:
        shown, held = drawn(picture)
        assert f"showing {shown:,} of the circuit's 120 edges and {held:,} of its" in note_of(
            replace(state, sight=sight), picture
        )


def test_what_is_written_in_boxes_and_said_below() -> None:
    written = inscribed("Previous Token", ("a0.h1", "a10.h12", "m3"))
    assert written.title == ("Previous Token",) and written.lines == ("0.1, 10.12, MLP\u00a03",)
    many = inscribed(
        "A name that is rather long for a box, and goes on", tuple(f"a1.h{i}" for i in range(30))
    )
    assert len(many.title) == 2 and len(many.lines) == 3 and many.lines[-1] == "… 30 nodes"
    early = Group(frozenset(n for n in NAMES if n.startswith(("a0", "a1"))), collapsed=True)
    state = replace(STATE, groups={"Early": early}, labels={"m3": Label("late")})
    picture = picture_of(state)
    within = inside(picture)
    assert (
        within
        and note_of(state, picture)
        == f"showing 120 of {GRAPH.n_edges:,} edges, {within} of them inside groups"
    )
    assert note_of(STATE, picture_of(STATE), searching=True).startswith("still searching: showing 120")
    assert note_of(STATE, picture_of(STATE, most=50)) == "showing the 50 strongest of the circuit's 120 edges"
    assert note_of(State(), picture_of(State())) == ""


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
        Sight.of(bad)
    assert Sight.of({"a later version's": 3}) == Sight()
