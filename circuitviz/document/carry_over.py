"""What becomes of labels, positions and groups when another circuit takes the place of one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from typing import Any

from circuitviz.document.detached_annotations import DetachedAnnotations
from circuitviz.document.groups import Group, add_group, check_group_name
from circuitviz.document.labels import Label, is_valid_target
from circuitviz.document.origin import Origin
from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.graph import Graph
from circuitviz.graph.names import split_span

GROUP_PREFIX = "group:"
LabelledGroups = dict[str, tuple[Group, Label | None]]


def carry_over_annotations(state: State, graph: Graph, origin: Origin | None) -> dict[str, Any]:
    """Annotations of a state for a new circuit in its place.

    Annotations whose nodes the new graph lacks are detached; detached ones whose nodes it has return. A name
    means the same only on the same model, and a name with a position only on the same prompt; annotations
    of other names are dropped.

    Args:
        state: The state before.
        graph: Graph of the new circuit.
        origin: Origin of the new circuit.

    Returns:
        ``labels``, ``positions``, ``groups`` and ``detached`` of the new state.
    """
    scope = _NameScope(state.origin, origin)
    if scope.are_different_models:
        return {"labels": {}, "positions": {}, "groups": {}, "detached": DetachedAnnotations()}
    attached, detached = _split_groups(state, graph, scope)
    group_targets = {GROUP_PREFIX + name for name in state.groups}
    detached_labels = {t: x for t, x in state.detached.labels.items() if not t.startswith(GROUP_PREFIX)}
    labels = {**detached_labels, **{t: x for t, x in state.labels.items() if t not in group_targets}}
    positions = {**state.detached.positions, **state.positions}
    unmatched = {t: x for t, x in labels.items() if not is_valid_target(graph, t) and scope.keeps_meaning(t)}
    return {
        "labels": {t: x for t, x in labels.items() if is_valid_target(graph, t)} | _group_labels(attached),
        "positions": {n: position for n, position in positions.items() if n in graph.node_index},
        "groups": {name: group for name, (group, _) in attached.items()},
        "detached": DetachedAnnotations(
            unmatched | _group_labels(detached),
            {
                n: position
                for n, position in positions.items()
                if n not in graph.node_index and scope.keeps_meaning(n)
            },
            {name: group for name, (group, _) in detached.items()},
        ),
    }


def _split_groups(state: State, graph: Graph, scope: _NameScope) -> tuple[LabelledGroups, LabelledGroups]:
    """Groups with their labels: those whose nodes the graph has, and those to detach."""
    node_index = graph.node_index
    attached: LabelledGroups = {}
    detached: LabelledGroups = {}
    for name, group in state.groups.items():
        destination = attached if group.nodes <= node_index.keys() else detached
        destination[name] = group, state.labels.get(GROUP_PREFIX + name)
    for name, group in state.detached.groups.items():
        label = state.detached.labels.get(GROUP_PREFIX + name)
        groups = {name: labelled for name, (labelled, _) in attached.items()}
        try:
            if group.nodes <= node_index.keys() and add_group(
                groups, check_group_name(groups, name, node_index), group
            ):
                attached[name] = group, label
                continue
        except InputError:  # its name or some of its nodes have been taken: it stays detached
            pass
        detached[_unused_name(name, detached)] = group, label
    return attached, {
        n: labelled for n, labelled in detached.items() if all(map(scope.keeps_meaning, labelled[0].nodes))
    }


def _group_labels(groups: LabelledGroups) -> dict[str, Label]:
    return {GROUP_PREFIX + name: label for name, (_, label) in groups.items() if label is not None}


@dataclass(frozen=True)
class _NameScope:
    """Compares two origins to tell which names mean the same in both circuits."""

    old_origin: Origin | None
    new_origin: Origin | None

    @property
    def are_different_models(self) -> bool:
        """Whether both models are known and differ."""
        old, new = self.old_origin, self.new_origin
        if old is None or new is None:
            return False
        if old.weight_hash and new.weight_hash:
            return old.weight_hash != new.weight_hash
        return old.model != new.model

    def keeps_meaning(self, name: str) -> bool:
        """Whether a node's or an edge's name means the same in both circuits."""
        old, new = self.old_origin, self.new_origin
        if old is None or new is None or old.weight_hash != new.weight_hash:
            return False
        is_of_prompt = any("@" in node and not split_span(node)[1] for node in name.split("->"))
        return not is_of_prompt or old.prompt_key == new.prompt_key


def _unused_name(name: str, taken: Collection[str]) -> str:
    candidates = (f"{name} {number}" for number in count(2))
    return (
        name if name not in taken else next(candidate for candidate in candidates if candidate not in taken)
    )
