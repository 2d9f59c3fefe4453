"""What was made of parts that a circuit shows no more (heads whose site is opened) comes back with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from circuitviz.document.groups import Group, add_group, check_group_name
from circuitviz.document.labels import Label, is_valid_target
from circuitviz.document.origin import Origin
from circuitviz.errors import InputError
from circuitviz.graph import Graph

if TYPE_CHECKING:
    from circuitviz.document.state import State

GROUP_PREFIX = "group:"


@dataclass(frozen=True)
class DetachedAnnotations:
    """Labels by target, places by node and groups by name, of parts that the circuit's graph does not have.

    The label of a group is kept with it.
    """

    labels: Mapping[str, Label] = field(default_factory=dict)
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is kept."""
        return bool(self.labels or self.positions or self.groups)

    @property
    def identity(self) -> list[Any]:
        """Everything of it, as JSON has it."""
        return [
            sorted((target, label.digest()) for target, label in self.labels.items()),
            sorted(self.positions.items()),
            sorted((name, group.identity) for name, group in self.groups.items()),
        ]


def carry_over_annotations(state: State, graph: Graph, origin: Origin | None) -> dict[str, Any]:
    """What was made in a state, for a circuit of ``graph`` in its place: labels, positions, groups, aside.

    What stood aside and has its parts again comes back; what loses its parts goes aside. Names mean the
    same on one model only, and names with a position on one prompt: others are let go of.
    """
    akin = _NameScope(state.origin, origin)
    if akin.are_different_models:
        return {"labels": {}, "positions": {}, "groups": {}, "detached": DetachedAnnotations()}
    back, away = _split_groups(state, graph, akin)
    theirs = {GROUP_PREFIX + name for name in state.groups}
    ours = {t: x for t, x in state.detached.labels.items() if not t.startswith(GROUP_PREFIX)}
    labels = {**ours, **{t: x for t, x in state.labels.items() if t not in theirs}}
    places = {**state.detached.positions, **state.positions}
    waiting = {t: x for t, x in labels.items() if not is_valid_target(graph, t) and akin.keeps_meaning(t)}
    return {
        "labels": {t: x for t, x in labels.items() if is_valid_target(graph, t)} | _group_labels(back),
        "positions": {n: place for n, place in places.items() if n in graph.node_index},
        "groups": {name: group for name, (group, _) in back.items()},
        "detached": DetachedAnnotations(
            waiting | _group_labels(away),
            {n: place for n, place in places.items() if n not in graph.node_index and akin.keeps_meaning(n)},
            {name: group for name, (group, _) in away.items()},
        ),
    }


LabelledGroups = dict[str, tuple[Group, Label | None]]


def _split_groups(state: State, graph: Graph, scope: _NameScope) -> tuple[LabelledGroups, LabelledGroups]:
    """Groups with their labels: those whose nodes are all there, and those that stand aside."""
    there = graph.node_index
    back: LabelledGroups = {}
    away: LabelledGroups = {}
    for name, group in state.groups.items():
        into = back if group.nodes <= there.keys() else away
        into[name] = group, state.labels.get(GROUP_PREFIX + name)
    for name, group in state.detached.groups.items():
        label = state.detached.labels.get(GROUP_PREFIX + name)
        groups = {other: kept for other, (kept, _) in back.items()}
        try:
            if group.nodes <= there.keys() and add_group(
                groups, check_group_name(groups, name, there), group
            ):
                back[name] = group, label
                continue
        except InputError:  # its name or some of its nodes were taken meanwhile: it waits
            pass
        away[_unused_name(name, away)] = group, label
    return back, {n: kept for n, kept in away.items() if all(map(scope.keeps_meaning, kept[0].nodes))}


def _group_labels(groups: LabelledGroups) -> dict[str, Label]:
    return {GROUP_PREFIX + name: label for name, (_, label) in groups.items() if label is not None}


@dataclass(frozen=True)
class _NameScope:
    """Which names mean the same in two circuits."""

    old_origin: Origin | None
    new_origin: Origin | None

    @property
    def are_different_models(self) -> bool:
        """Whether both models are known and are two."""
        one, other = self.old_origin, self.new_origin
        if one is None or other is None:
            return False
        if one.weight_hash and other.weight_hash:
            return one.weight_hash != other.weight_hash
        return one.model != other.model

    def keeps_meaning(self, name: str) -> bool:
        """Whether a node's or an edge's name does."""
        one, other = self.old_origin, self.new_origin
        if one is None or other is None or one.weight_hash != other.weight_hash:
            return False
        return "@" not in name or one.prompt_key == other.prompt_key


def _unused_name(name: str, taken: Collection[str]) -> str:
    others = (f"{name} {number}" for number in count(2))
    return name if name not in taken else next(other for other in others if other not in taken)
