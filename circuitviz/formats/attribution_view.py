"""What a person did to an attribution graph in its own tool: supernodes, pins, labels of their own.

circuit-tracer's Save writes these as strings of JSON, Neuronpedia as lists; they leave as they came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.disk import parse_json
from circuitviz.graph import Graph
from circuitviz.session import Group, Label
from circuitviz.session.groups import added, checked_name, next_colour

Ids = Mapping[str, list[str]]


@dataclass
class View:
    """``qParams`` as they were, and what of them became groups."""

    raw: dict[str, Any] | None
    clicked: str
    supernodes: list[list[str]]
    ids: Ids
    made: dict[str, list[str]] = field(default_factory=dict)  # our groups, by the ids they came from

    @staticmethod
    def read(raw: Any, ids: Ids) -> View:
        """Of a file's ``qParams``, whatever they are."""
        known = dict(raw) if isinstance(raw, dict) else {}
        clicked = str(known.get("clickedId") or "")
        return View(known if raw is not None else None, clicked, _named(known.get("supernodes")), ids)

    def groups(self, graph: Graph) -> dict[str, Group]:
        """Supernodes as groups; one that ours cannot be (nodes in two of them) stays in the file only."""
        made: dict[str, Group] = {}
        for name, *members in self.supernodes:
            nodes = frozenset(n for identity in members for n in self.ids.get(identity, [])[:1])
            try:
                own = checked_name(made, name, graph.node_index)
                if nodes and own == name:
                    made = added(made, own, Group(nodes, next_colour(made), collapsed=True))
                    self.made[name] = members
            except InputError:
                continue
        return made

    def kept(self) -> dict[str, Any]:
        """What the document keeps of it."""
        others = [entry for entry in self.supernodes if entry[0] not in self.made]
        named = {identity for entry in self.supernodes for identity in entry[1:] if identity in self.ids}
        ids = {identity: self.ids[identity][0] for identity in sorted(named)}
        return {"raw": self.raw, "made": self.made, "others": others, "ids": ids}

    @staticmethod
    def written(kept: Any, groups: Mapping[str, Group], ids: Mapping[str, Any]) -> dict[str, Any] | None:
        """``qParams`` with the groups that there are now; None where there is nothing to say."""
        raw, made = (kept or {}).get("raw"), (kept or {}).get("made", {})
        before, others = (kept or {}).get("ids", {}), (kept or {}).get("others", [])
        now: list[list[Any]] = []
        changed = set(made) != set(groups)
        for name, group in groups.items():
            members = made.get(name, [])
            if {before[i] for i in members if i in before} == group.nodes:
                now.append([name, *members])
            else:
                changed = True
                lost = [identity for identity in members if identity not in before]
                now.append([name, *(ids[n] for n in sorted(group.nodes) if n in ids), *lost])
        if not changed:
            return None if raw is None else dict(raw)
        entries = now + others
        style = isinstance((raw or {}).get("supernodes"), str)
        return {**(raw or {}), "supernodes": json.dumps(entries) if style else entries}


@dataclass
class Overrides:
    """``qParams.clerps``: labels that a person gave, by ``layer_feature_pos`` or by feature number."""

    texts: dict[str, str]
    entries: list[tuple[int, str]]  # the entry's place in the list, and the node it labels

    @staticmethod
    def read(raw: Any, raws: Mapping[str, dict[str, Any]]) -> Overrides:
        """Of a file's ``qParams``; the last entry for a node counts."""
        listed = _parsed(raw.get("clerps")) if isinstance(raw, dict) else None
        by_id = {str(node["node_id"]): name for name, node in raws.items()}
        by_feature: dict[str, list[str]] = {}
        for name, node in raws.items():
            by_feature.setdefault(str(node.get("feature")), []).append(name)
        found = Overrides({}, [])
        for place, entry in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str):
                key = str(entry[0])
                for name in [by_id[key]] if key in by_id else by_feature.get(key, []):
                    found.texts[name] = entry[1]
                    found.entries.append((place, name))
        return found

    def kept(self, labels: Mapping[str, Label]) -> list[list[Any]]:
        """Place, node and the text that it had."""
        return [[place, name, labels[name].text if name in labels else ""] for place, name in self.entries]

    @staticmethod
    def written(
        kept: Any, params: dict[str, Any] | None, labels: Mapping[str, Label]
    ) -> dict[str, Any] | None:
        """The entries of nodes that were labelled anew say so."""
        now = [(place, labels[name].text if name in labels else "", was) for place, name, was in kept or ()]
        if params is None or all(text == was for _, text, was in now):
            return params
        listed = _parsed(params["clerps"])
        for place, text, was in now:
            if text != was:
                listed[place] = [listed[place][0], text]
        return {**params, "clerps": json.dumps(listed) if isinstance(params["clerps"], str) else listed}


def _parsed(value: Any) -> Any:
    """A list, also where it came as a string; None where it is no JSON."""
    if not isinstance(value, str):
        return [list(e) if isinstance(e, list) else e for e in value] if isinstance(value, list) else None
    try:
        return parse_json("qParams", value.encode(errors="surrogatepass"))
    except InputError:
        return None


def _named(value: Any) -> list[list[str]]:
    listed = _parsed(value)
    entries = listed if isinstance(listed, list) else []
    return [[str(word) for word in entry] for entry in entries if isinstance(entry, list) and len(entry) > 1]
