"""Groups of nodes: the one definition that canvas, pictures, files and ablation share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count

from circuitviz.errors import InputError

# Okabe and Ito 2008: told apart without colour vision.
GROUP_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5c3e", "#6a51a3")


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes under one name, drawn as one box while ``collapsed``.

    A group whose nodes are some of another's is nested in it: of any two, one holds the other or
    they share nothing, and no two hold the same. ``place`` is where the box was put by hand, in
    the layout's units.
    """

    nodes: frozenset[str]
    colour: str = GROUP_COLOURS[0]
    collapsed: bool = False
    place: tuple[float, float] | None = None

    @property
    def identity(self) -> tuple[list[str], str, bool, tuple[float, float] | None]:
        """Everything of it, as JSON has it."""
        return sorted(self.nodes), self.colour, self.collapsed, self.place


Groups = Mapping[str, Group]


def outermost_collapsed(groups: Groups) -> dict[str, frozenset[str]]:
    """The collapsed groups that lie in no other collapsed one, with all their nodes."""
    closed = {name: group.nodes for name, group in groups.items() if group.collapsed}
    return {n: nodes for n, nodes in closed.items() if not any(nodes < other for other in closed.values())}


def expanded_groups(groups: Groups) -> dict[str, frozenset[str]]:
    """The groups that stand open, the widest first: neither collapsed nor in one that is."""
    boxes = outermost_collapsed(groups).values()
    seen = {
        name: group.nodes
        for name, group in groups.items()
        if not group.collapsed and not any(group.nodes < box for box in boxes)
    }
    return dict(sorted(seen.items(), key=lambda each: (-len(each[1]), each[0])))


def outermost_groups(groups: Groups) -> dict[str, Group]:
    """The groups that are nested in no other."""
    return {
        name: group
        for name, group in groups.items()
        if not any(group.nodes < other.nodes for other in groups.values())
    }


def check_group_name(groups: Groups, name: str, nodes: Collection[str]) -> str:
    """A name that a group can have, trimmed; ``nodes`` are names that are taken. InputError else."""
    name = name.strip()
    if not name or "->" in name:
        raise InputError(
            f"A group was to be called '{name}'; a name has at least one letter and no '->', which is "
            "kept for edges."
        )
    if name in groups or name in nodes:
        taken = "group" if name in groups else "node"
        raise InputError(f"There is a {taken} '{name}' already; give the group another name.")
    return name


def add_group(groups: Groups, name: str, group: Group) -> dict[str, Group]:
    """The groups with one more; InputError where it would cut through another."""
    for other, kept in groups.items():
        if kept.nodes == group.nodes:
            raise InputError(f"These nodes are the group '{other}' already; rename that one.")
        if kept.nodes & group.nodes and not (kept.nodes < group.nodes or group.nodes < kept.nodes):
            out = min(kept.nodes & group.nodes)
            raise InputError(
                f"{out} is in '{other}', some of which is not selected; groups lie wholly inside "
                f"one another or apart, so select all of '{other}', or only nodes outside it."
            )
    return {**groups, name: group}


def add_class_groups(
    groups: Groups, classes: Mapping[str, Iterable[str]], nodes: Collection[str] = ()
) -> dict[str, Group]:
    """The groups, and one more for each class of labelled nodes that are in none yet.

    ``classes``: nodes by label; ``nodes``: names that no group may have. A label that cannot be a
    group's name is changed as little as possible.
    """
    made = dict(groups)
    taken = frozenset[str]().union(*(group.nodes for group in groups.values()))
    for label, members in sorted(classes.items()):
        plain = label.replace("->", "→").strip() or "unnamed"
        others = (f"{plain} {number}" for number in count(2))
        name = next(n for n in chain([plain], others) if n not in made and n not in nodes)
        if free := frozenset(members) - taken:
            made[name] = Group(free, least_used_colour(made))
    return made


def least_used_colour(groups: Groups) -> str:
    """The colour that fewest groups have."""
    used = [group.colour for group in groups.values()]
    return min(GROUP_COLOURS, key=used.count)


def set_collapsed(groups: Groups, names: Collection[str], collapsed: bool) -> dict[str, Group]:
    """The groups with some of them collapsed, or open."""
    return {n: replace(g, collapsed=collapsed) if n in names else g for n, g in groups.items()}
