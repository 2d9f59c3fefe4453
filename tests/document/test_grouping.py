"""Groups are made, nested, named and dissolved, and every step is undone exactly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitviz.document import (
    Document,
    Label,
    State,
    collapse_groups,
    dissolve_groups,
    expand_groups,
    group_nodes,
    move_nodes,
    rename_group,
    replace_circuit,
    show_class_view,
    show_head_view,
)
from circuitviz.document.groups import expanded_groups, outermost_collapsed, outermost_groups
from circuitviz.errors import InputError
from circuitviz.graph import Graph, ModelShape, Scores, fold_circuit

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")
NAMES = sorted(n.name for n in GRAPH.nodes)


def opened(**given: object) -> Document:
    return Document(State(None, SCORES, SCORES.top(60), **given))  # type: ignore[arg-type]


@given(
    st.lists(
        st.tuples(st.sampled_from("gurcemn"), st.sets(st.sampled_from(NAMES), min_size=1, max_size=6)),
        max_size=25,
    )
)
def test_any_steps_are_undone_and_groups_always_nest(steps: list[tuple[str, set[str]]]) -> None:
    document, changes, hashes = opened(), [], []
    for i, (kind, nodes) in enumerate(steps):
        there = sorted(document.state.groups)
        one = there[i % len(there)] if there else ""
        wide = set(nodes) | (document.state.groups[one].nodes if one else set())
        command = {
            "g": group_nodes(f"G{i}", nodes),
            "u": dissolve_groups([one]),
            "r": rename_group(one, f"R{i}"),
            "c": collapse_groups([one]),
            "e": expand_groups([one]),
            "m": move_nodes({one or "input": (float(i), 1.0)}),
            "n": group_nodes(f"N{i}", wide, collapsed=True),
        }[kind]
        before = document.state.hash
        try:
            changes.append(document.apply_command(command))
        except InputError:
            assert document.state.hash == before
            continue
        hashes.append(before)
        groups = [g.nodes for g in document.state.groups.values()]
        assert all(a < b or b < a or not a & b for a, b in combinations(groups, 2))
        boxes = outermost_collapsed(document.state.groups)
        assert all(not a & b for a, b in combinations(boxes.values(), 2))
        fold_circuit(SCORES.top(60), SCORES.values, boxes)
        assert not set(boxes) & set(expanded_groups(document.state.groups))
    for change, before in zip(reversed(changes), reversed(hashes), strict=True):
        document.set_state(change.before)
        assert document.state.hash == before


def test_expanding_restores_and_nested_boxes_keep_their_state() -> None:
    document = opened()
    document.apply_command(group_nodes("inner", {"a0.h0", "a0.h1"}))
    document.apply_command(collapse_groups(["inner"]))
    document.apply_command(group_nodes("outer", {"a0.h0", "a0.h1", "a1.h2"}))
    before = document.state.hash
    assert set(outermost_collapsed(document.state.groups)) == {"inner"} and set(
        expanded_groups(document.state.groups)
    ) == {"outer"}
    document.apply_command(collapse_groups(["outer"]))
    assert set(outermost_collapsed(document.state.groups)) == {"outer"} and not expanded_groups(
        document.state.groups
    )
    assert set(outermost_groups(document.state.groups)) == {"outer"}
    document.apply_command(expand_groups(["outer"]))
    assert document.state.hash == before


def test_renaming_keeps_place_and_order_and_ungrouping_keeps_what_is_nested() -> None:
    document = opened()
    document.apply_command(group_nodes("inner", {"a0.h0", "a0.h1"}))
    document.apply_command(group_nodes("outer", {"a0.h0", "a0.h1", "a1.h2"}))
    document.apply_command(move_nodes({"outer": (3.0, 4.0), "input": (1.0, 2.0)}))
    document.apply_command(rename_group("outer", "  Name Movers "))
    assert list(document.state.groups) == ["inner", "Name Movers"]
    assert document.state.groups["Name Movers"].place == (3.0, 4.0)
    assert document.state.positions == {"input": (1.0, 2.0)}
    document.apply_command(dissolve_groups(["Name Movers"]))
    assert set(document.state.groups) == {"inner"}


@pytest.mark.parametrize(
    ("name", "nodes", "says"),
    [
        ("  ", {"a1.h1"}, "at least one letter"),
        ("a->b", {"a1.h1"}, "kept for"),
        ("a1.h1", {"a1.h1"}, "There is a node 'a1.h1' already"),
        ("pair", {"a1.h1"}, "There is a group 'pair' already"),
        ("x", {"a0.h0", "a1.h1"}, "select all of 'pair'"),
        ("x", {"a0.h0", "a0.h1"}, "are the group 'pair' already"),
        ("x", set(), "Nothing is selected"),
    ],
)
def test_what_cannot_be_a_group_is_said(name: str, nodes: set[str], says: str) -> None:
    document = opened()
    document.apply_command(group_nodes("pair", {"a0.h0", "a0.h1"}))
    with pytest.raises(InputError, match=says):
        document.apply_command(group_nodes(name, nodes))
    assert set(document.state.groups) == {"pair"}


def test_the_class_view_boxes_labels_and_the_head_view_opens_them() -> None:
    labels = {"a0.h0": Label("Early"), "a0.h1": Label("Early"), "a1.h2": Label("Late")}
    document = opened(labels=labels)
    document.apply_command(group_nodes("mine", {"a0.h1", "a1.h0"}))
    document.apply_command(show_class_view())
    boxes = outermost_collapsed(document.state.groups)
    assert boxes == {"mine": {"a0.h1", "a1.h0"}, "Early": {"a0.h0"}, "Late": {"a1.h2"}}
    assert len({g.colour for g in document.state.groups.values()}) == 3
    document.apply_command(show_head_view())
    assert not outermost_collapsed(document.state.groups) and set(document.state.groups) == set(boxes)
    strange = {"a0.h0": Label("a->b"), "a0.h1": Label("m0"), "a1.h0": Label(" ")}
    document = opened(labels=strange)
    document.apply_command(show_class_view())
    assert set(document.state.groups) == {"a→b", "m0 2", "unnamed"}
    with pytest.raises(InputError, match="label some heads"):
        opened().apply_command(show_class_view())


def test_a_measure_takes_groups_for_classes_too() -> None:
    document = opened(labels={"a0.h0": Label("Early"), "a0.h1": Label("Early"), "a1.h2": Label("Late")})
    document.apply_command(group_nodes("mine", {"a0.h1", "a1.h0"}))
    document.apply_command(group_nodes("Late", {"a1.h3"}))
    assert document.state.named_node_sets == {
        "Early": ("a0.h0", "a0.h1"), "Late": ("a1.h2", "a1.h3"), "mine": ("a0.h1", "a1.h0")
    }  # fmt: skip


def test_a_circuit_of_another_model_keeps_only_what_it_has() -> None:
    document = opened(labels={"a1.h3": Label("x"), "a0.h0": Label("y")}, positions={"a1.h3": (0.0, 0.0)})
    document.apply_command(group_nodes("late", {"a1.h3", "a1.h2"}))
    document.apply_command(group_nodes("early", {"a0.h0", "m0"}))
    small = Scores(other := Graph.transformer(ModelShape(1, 2, 8)), np.ones(other.mask.shape), "eap")
    document.apply_command(replace_circuit(small.top(9), small, None, "Find"))
    assert set(document.state.groups) == {"early"} and set(document.state.labels) == {"a0.h0"}
    assert not document.state.positions
