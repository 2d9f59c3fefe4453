"""Commands that create, rename, collapse, expand and dissolve groups."""

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
    """Put nodes into a new group; the command raises InputError for an invalid name or set of nodes."""
    nodes = frozenset(nodes)

    def transform(state: State) -> State:
        if not nodes:
            raise InputError("Nothing is selected; select the nodes that are to be a group.")
        checked_name = check_group_name(state.groups, name, _node_names(state))
        group = Group(nodes, _group_colour(state, nodes), collapsed)
        return replace(state, groups=add_group(state.groups, checked_name, group))

    return Command(f"Group {name}", transform)


def group_several(groups: Iterable[tuple[str, Collection[str]]]) -> Command:
    """Make several groups in one step; the command raises InputError where one is invalid.

    Args:
        groups: Name and nodes of each group.

    Raises:
        InputError: Two of them have the same name.
    """
    named_groups = [(name.strip(), nodes) for name, nodes in groups]
    names = [name for name, _ in named_groups]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"Several of the groups were to be called '{repeated[0]}'; give each a name of its own."
        )

    def transform(state: State) -> State:
        for name, nodes in named_groups:
            state = group_nodes(name, nodes).transform(state)
        return state

    return Command(f"Group {', '.join(names)}", transform)


def dissolve_groups(names: Collection[str]) -> Command:
    """Remove groups and their labels; their nodes, and groups nested in them, stay."""

    def transform(state: State) -> State:
        groups = {name: group for name, group in state.groups.items() if name not in names}
        dissolved_targets = {f"group:{name}" for name in names}
        labels = {target: label for target, label in state.labels.items() if target not in dissolved_targets}
        return replace(state, groups=groups, labels=labels)

    return Command(f"Ungroup {', '.join(sorted(names))}", transform)


def rename_group(name: str, renamed_to: str) -> Command:
    """Rename a group; the command raises InputError where the name is taken."""

    def transform(state: State) -> State:
        other_groups = {n: group for n, group in state.groups.items() if n != name}
        checked_name = check_group_name(other_groups, renamed_to, _node_names(state))
        groups = {checked_name if n == name else n: g for n, g in state.groups.items()}
        new_targets = {f"group:{name}": f"group:{checked_name}"}
        labels = {new_targets.get(target, target): label for target, label in state.labels.items()}
        return replace(state, groups=groups, labels=labels)

    return Command(f"Rename {name} to {renamed_to.strip()}", transform)


def collapse_groups(names: Collection[str]) -> Command:
    """Draw each group as one box."""
    return Command(
        f"Collapse {', '.join(sorted(names))}",
        lambda state: replace(state, groups=set_collapsed(state.groups, names, True)),
    )


def expand_groups(names: Collection[str]) -> Command:
    """Draw the nodes of groups instead of their boxes."""
    return Command(
        f"Expand {', '.join(sorted(names))}",
        lambda state: replace(state, groups=set_collapsed(state.groups, names, False)),
    )


def group_by_label() -> Command:
    """Group the nodes of each label that are in no group yet."""
    return Command("Group by label", lambda state: replace(state, groups=state.groups_with_classes))


def show_class_view() -> Command:
    """Group nodes by label and draw every outermost group as one box."""

    def transform(state: State) -> State:
        groups = state.groups_with_classes
        if not groups:
            raise InputError(
                "The class view draws one box for each group or label, and there is none yet; label "
                "some heads, or group some nodes."
            )
        return replace(state, groups=set_collapsed(groups, outermost_groups(groups), True))

    return Command("Class view", transform)


def show_head_view() -> Command:
    """Expand every group."""
    return Command(
        "Head view", lambda state: replace(state, groups=set_collapsed(state.groups, state.groups, False))
    )


def groups_of_selection(state: State, nodes: frozenset[str]) -> list[str]:
    """Names of the groups that a selection denotes, counting only nodes that the circuit has.

    These are the outermost groups that lie wholly in the selection, or else the smallest group that contains
    all of it.
    """
    circuit_nodes = frozenset() if state.circuit is None else frozenset(state.circuit.node_names)
    members = {
        name: group.nodes & circuit_nodes
        for name, group in state.groups.items()
        if group.nodes & circuit_nodes
    }
    contained = [name for name, nodes_of_group in members.items() if nodes_of_group <= nodes]
    if contained:
        groups = state.groups
        return [
            n for n in contained if not any(groups[n].nodes < groups[larger].nodes for larger in contained)
        ]
    containing = [name for name, nodes_of_group in members.items() if nodes and nodes < nodes_of_group]
    return sorted(containing, key=lambda name: len(members[name]))[:1]


def _node_names(state: State) -> frozenset[str]:
    return frozenset() if state.circuit is None else frozenset(state.circuit.graph.node_index)


def _group_colour(state: State, nodes: frozenset[str]) -> str:
    """The common colour of these nodes' labels, else the least used colour."""
    colours = {state.labels[n].colour for n in nodes if n in state.labels}
    shared = colours.pop() if len(colours) == 1 and nodes <= set(state.labels) else ""
    return shared or least_used_colour(state.groups)
