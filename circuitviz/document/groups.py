"""Groups of nodes, as canvas, figures, files and ablation use them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

from circuitviz.errors import InputError

# Apart by at least 12 (CIEDE2000) with each kind of colour vision and by 20 with normal vision, with a
# contrast of at least 3 on a light ground, where they are drawn as they are: found by a search over sRGB. The
# first ones differ most, also from nodes without a class. ``scene.class_colours`` has their dark variants.
GROUP_COLOURS = tuple(
    "#a28c08 #22012a #c21e0b #192a06 #f64d71 #755d6f #c15bb8 #920d3e #064b72 #488558 #008dff #4400d6".split()
)


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of nodes. Any two groups are disjoint, or one is a proper subset of (nested in) the other.

    Attributes:
        nodes: Names of the nodes.
        colour: Colour, ``#rrggbb``.
        collapsed: Whether the group is drawn as one box.
        place: Where the box was moved by hand, in the layout's units.
    """

    nodes: frozenset[str]
    colour: str = GROUP_COLOURS[0]
    collapsed: bool = False
    place: tuple[float, float] | None = None

    @property
    def identity(self) -> tuple[list[str], str, bool, tuple[float, float] | None]:
        """All fields as JSON data, for hashing."""
        return sorted(self.nodes), self.colour, self.collapsed, self.place


Groups = Mapping[str, Group]


def outermost_collapsed(groups: Groups) -> dict[str, frozenset[str]]:
    """Nodes of each collapsed group that lies in no other collapsed group."""
    collapsed = {name: group.nodes for name, group in groups.items() if group.collapsed}
    return {
        n: nodes for n, nodes in collapsed.items() if not any(nodes < other for other in collapsed.values())
    }


def expanded_groups(groups: Groups) -> dict[str, frozenset[str]]:
    """Nodes of each group that is neither collapsed nor in a collapsed group, the largest first."""
    boxes = outermost_collapsed(groups).values()
    expanded = {
        name: group.nodes
        for name, group in groups.items()
        if not group.collapsed and not any(group.nodes < box for box in boxes)
    }
    return dict(sorted(expanded.items(), key=lambda item: (-len(item[1]), item[0])))


def outermost_groups(groups: Groups) -> dict[str, Group]:
    """The groups that are nested in no other."""
    return {
        name: group
        for name, group in groups.items()
        if not any(group.nodes < other.nodes for other in groups.values())
    }


def check_group_name(groups: Groups, name: str, nodes: Collection[str]) -> str:
    """Return a group's name without surrounding space.

    Args:
        groups: The existing groups.
        name: The name to check.
        nodes: Names of nodes, which no group may have.

    Raises:
        InputError: The name is empty, holds ``->``, or is taken.
    """
    name = name.strip()
    if not name or "->" in name:
        raise InputError(
            f"A group was to be called '{name}'; a name has at least one letter and no '->', which is "
            "kept for edges."
        )
    if name in groups or name in nodes:
        taken_by = "group" if name in groups else "node"
        raise InputError(f"There is a {taken_by} '{name}' already; give the group another name.")
    return name


def add_group(groups: Groups, name: str, group: Group) -> dict[str, Group]:
    """The groups with one more.

    Raises:
        InputError: The group shares nodes with another without one being nested in the other.
    """
    for other_name, other_group in groups.items():
        if other_group.nodes == group.nodes:
            raise InputError(f"These nodes are the group '{other_name}' already; rename that one.")
        if other_group.nodes & group.nodes and not (
            other_group.nodes < group.nodes or group.nodes < other_group.nodes
        ):
            shared_node = min(other_group.nodes & group.nodes)
            raise InputError(
                f"{shared_node} is in '{other_name}', some of which is not selected; groups lie wholly "
                f"inside one another or apart, so select all of '{other_name}', or only nodes outside it."
            )
    return {**groups, name: group}


def add_class_groups(
    groups: Groups, classes: Mapping[str, Iterable[str]], nodes: Collection[str] = ()
) -> dict[str, Group]:
    """The groups, and one for each label with nodes that are in no group yet.

    Args:
        groups: The existing groups.
        classes: Names of nodes by label. A label that cannot be a group's name is changed as little as
            possible.
        nodes: Names that no group may have.
    """
    all_groups = dict(groups)
    grouped_nodes = frozenset[str]().union(*(group.nodes for group in groups.values()))
    for label, members in sorted(classes.items()):
        base_name = label.replace("->", "→").strip() or "unnamed"
        numbered_names = (f"{base_name} {number}" for number in count(2))
        name = next(n for n in chain([base_name], numbered_names) if n not in all_groups and n not in nodes)
        if ungrouped := frozenset(members) - grouped_nodes:
            all_groups[name] = Group(ungrouped, least_used_colour(all_groups))
    return all_groups


def least_used_colour(groups: Groups) -> str:
    """The colour that fewest groups have."""
    used = [group.colour for group in groups.values()]
    return min(GROUP_COLOURS, key=used.count)


def set_collapsed(groups: Groups, names: Collection[str], collapsed: bool) -> dict[str, Group]:
    """The groups with some of them collapsed or expanded."""
    return {n: replace(g, collapsed=collapsed) if n in names else g for n, g in groups.items()}
