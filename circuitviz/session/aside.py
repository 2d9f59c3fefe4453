"""What was made of parts that a circuit shows no more (heads whose site is opened) comes back with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.graph import Graph
from circuitviz.session.groups import Group, added, checked_name
from circuitviz.session.labels import Label, known
from circuitviz.session.provenance import Provenance

if TYPE_CHECKING:
    from circuitviz.session.state import State

GROUP = "group:"


@dataclass(frozen=True)
class Aside:
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


def made_of(state: State, graph: Graph, where: Provenance | None) -> dict[str, Any]:
    """What was made in a state, for a circuit of ``graph`` in its place: labels, positions, groups, aside.

    What stood aside and has its parts again comes back; what loses its parts goes aside. Names mean the
    same on one model only, and names with a position on one prompt: others are let go of.
    """
    akin = _Akin(state.provenance, where)
    if akin.of_other_models:
        return {"labels": {}, "positions": {}, "groups": {}, "aside": Aside()}
    back, away = _regrouped(state, graph, akin)
    theirs = {GROUP + name for name in state.groups}
    ours = {t: x for t, x in state.aside.labels.items() if not t.startswith(GROUP)}
    labels = {**ours, **{t: x for t, x in state.labels.items() if t not in theirs}}
    places = {**state.aside.positions, **state.positions}
    waiting = {t: x for t, x in labels.items() if not known(graph, t) and akin.names(t)}
    return {
        "labels": {t: x for t, x in labels.items() if known(graph, t)} | _labels(back),
        "positions": {n: place for n, place in places.items() if n in graph.node_index},
        "groups": {name: group for name, (group, _) in back.items()},
        "aside": Aside(
            waiting | _labels(away),
            {n: place for n, place in places.items() if n not in graph.node_index and akin.names(n)},
            {name: group for name, (group, _) in away.items()},
        ),
    }


Labelled = dict[str, tuple[Group, Label | None]]


def _regrouped(state: State, graph: Graph, akin: _Akin) -> tuple[Labelled, Labelled]:
    """Groups with their labels: those whose nodes are all there, and those that stand aside."""
    there = graph.node_index
    back: Labelled = {}
    away: Labelled = {}
    for name, group in state.groups.items():
        into = back if group.nodes <= there.keys() else away
        into[name] = group, state.labels.get(GROUP + name)
    for name, group in state.aside.groups.items():
        label = state.aside.labels.get(GROUP + name)
        groups = {other: kept for other, (kept, _) in back.items()}
        try:
            if group.nodes <= there.keys() and added(groups, checked_name(groups, name, there), group):
                back[name] = group, label
                continue
        except InputError:  # its name or some of its nodes were taken meanwhile: it waits
            pass
        away[_free(name, away)] = group, label
    return back, {n: kept for n, kept in away.items() if all(map(akin.names, kept[0].nodes))}


def _labels(groups: Labelled) -> dict[str, Label]:
    return {GROUP + name: label for name, (_, label) in groups.items() if label is not None}


@dataclass(frozen=True)
class _Akin:
    """Which names mean the same in two circuits."""

    before: Provenance | None
    now: Provenance | None

    @property
    def of_other_models(self) -> bool:
        """Whether both models are known and are two."""
        one, other = self.before, self.now
        if one is None or other is None:
            return False
        if one.weight_hash and other.weight_hash:
            return one.weight_hash != other.weight_hash
        return one.model != other.model

    def names(self, name: str) -> bool:
        """Whether a node's or an edge's name does."""
        one, other = self.before, self.now
        if one is None or other is None or one.weight_hash != other.weight_hash:
            return False
        return "@" not in name or _prompt(one) == _prompt(other)


def _prompt(where: Provenance) -> tuple[object, ...]:
    prompt = where.pairs[0][0] if where.pairs else ""
    return prompt, where.bos, tuple(where.options.get("tokens") or ())


def _free(name: str, taken: Collection[str]) -> str:
    others = (f"{name} {number}" for number in count(2))
    return name if name not in taken else next(other for other in others if other not in taken)
