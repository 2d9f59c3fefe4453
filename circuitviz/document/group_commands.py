"""The commands of groups: make, name, close, open and dissolve them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.groups import (
    Group,
    add_group,
    check_group_name,
    least_used_colour,
    outermost_groups,
    set_collapsed,
)
from circuitviz.document.state import State
from circuitviz.errors import InputError


def group_nodes(name: str, nodes: Iterable[str], *, collapsed: bool = False) -> Command:
    """Put nodes into a new group; its change raises InputError where name or nodes do not fit."""
    nodes = frozenset(nodes)

    def change(state: State) -> State:
        if not nodes:
            raise InputError("Nothing is selected; select the nodes that are to be a group.")
        given = check_group_name(state.groups, name, _node_names(state))
        group = Group(nodes, _group_colour(state, nodes), collapsed)
        return replace(state, groups=add_group(state.groups, given, group))

    return Command(f"Group {name}", change)


def dissolve_groups(names: Collection[str]) -> Command:
    """Dissolve groups and what was said of them; their nodes, and groups nested in them, stay."""

    def change(state: State) -> State:
        kept = {name: group for name, group in state.groups.items() if name not in names}
        gone = {f"group:{name}" for name in names}
        labels = {target: label for target, label in state.labels.items() if target not in gone}
        return replace(state, groups=kept, labels=labels)

    return Command(f"Ungroup {', '.join(sorted(names))}", change)


def rename_group(name: str, renamed_to: str) -> Command:
    """Give a group another name; its change raises InputError where that is taken."""

    def change(state: State) -> State:
        others = {n: group for n, group in state.groups.items() if n != name}
        given = check_group_name(others, renamed_to, _node_names(state))
        groups = {given if n == name else n: g for n, g in state.groups.items()}
        new_name = {f"group:{name}": f"group:{given}"}
        labels = {new_name.get(target, target): label for target, label in state.labels.items()}
        return replace(state, groups=groups, labels=labels)

    return Command(f"Rename {name} to {renamed_to.strip()}", change)


def collapse_groups(names: Collection[str]) -> Command:
    """Draw groups as one box each."""
    return Command(
        f"Collapse {', '.join(sorted(names))}",
        lambda state: replace(state, groups=set_collapsed(state.groups, names, True)),
    )


def expand_groups(names: Collection[str]) -> Command:
    """Draw what groups hold."""
    return Command(
        f"Expand {', '.join(sorted(names))}",
        lambda state: replace(state, groups=set_collapsed(state.groups, names, False)),
    )


def group_by_label() -> Command:
    """Make a group of each class of labelled nodes that are in none yet."""
    return Command(
        "Group by label",
        lambda state: replace(state, groups=state.groups_with_classes),
    )


def show_class_view() -> Command:
    """The class view: every class is a group, every outermost group one box."""

    def change(state: State) -> State:
        groups = state.groups_with_classes
        if not groups:
            raise InputError(
                "The class view draws one box for each group or label, and there is none yet; label "
                "some heads, or group some nodes."
            )
        return replace(state, groups=set_collapsed(groups, outermost_groups(groups), True))

    return Command("Class view", change)


def show_head_view() -> Command:
    """The head view: every group stands open."""
    return Command(
        "Head view",
        lambda state: replace(state, groups=set_collapsed(state.groups, state.groups, False)),
    )


def groups_of_selection(state: State, nodes: frozenset[str]) -> list[str]:
    """Which groups a selection speaks of: those wholly in it, else the narrowest that holds all of it.

    Of a group's nodes only those count that the circuit has.
    """
    there = frozenset() if state.circuit is None else frozenset(state.circuit.node_names)
    held = {name: group.nodes & there for name, group in state.groups.items() if group.nodes & there}
    whole = [name for name, inner in held.items() if inner <= nodes]
    if whole:
        groups = state.groups
        return [n for n in whole if not any(groups[n].nodes < groups[other].nodes for other in whole)]
    around = [name for name, outer in held.items() if nodes and nodes < outer]
    return sorted(around, key=lambda name: len(held[name]))[:1]


def _node_names(state: State) -> frozenset[str]:
    return frozenset() if state.circuit is None else frozenset(state.circuit.graph.node_index)


def _group_colour(state: State, nodes: frozenset[str]) -> str:
    """The colour that all these nodes' labels have, else one that tells the group apart."""
    said = {state.labels[n].colour for n in nodes if n in state.labels}
    shared = said.pop() if len(said) == 1 and nodes <= set(state.labels) else ""
    return shared or least_used_colour(state.groups)
