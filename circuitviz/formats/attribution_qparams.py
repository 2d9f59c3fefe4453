"""What a person did to an attribution graph in its own tool: supernodes, pins, labels of their own.

circuit-tracer's Save writes these as strings, Neuronpedia as lists. Pins and supernodes leave as lists, which
both schemas ask for; ``clerps`` leave as they came: circuit-tracer reads a string alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from circuitviz.document import Group, Label
from circuitviz.document.groups import add_group, check_group_name, least_used_colour
from circuitviz.errors import InputError
from circuitviz.formats.file_io import parse_json
from circuitviz.formats.json_bounds import replace_surrogates
from circuitviz.graph import Graph

COLOUR_PATTERN = re.compile("#[0-9a-fA-F]{6}")
NodesById = Mapping[str, str]
DEFAULT_QPARAMS: dict[str, Any] = {
    "linkType": "both",
    "pinnedIds": [],
    "supernodes": [],
    "clickedId": "",
    "sg_pos": "",
}  # what circuit-tracer's model of a file needs


@dataclass
class QParams:
    """``qParams`` as they were read, and what of them became groups.

    Attributes:
        nodes_by_id: The name of the node that each id means.
    """

    raw: dict[str, Any]
    clicked_id: str
    pinned_ids: list[str]
    supernodes: list[list[str]]
    nodes_by_id: NodesById
    ids_by_group: dict[str, list[str]] = field(default_factory=dict)  # our groups, by the ids they came from

    @staticmethod
    def parse(raw: Any, nodes_by_id: NodesById) -> QParams:
        """Of a file's ``qParams``, whatever they are."""
        known = dict(raw) if isinstance(raw, dict) else {}
        clicked = str(known.get("clickedId") or "")
        supernodes = _parse_supernodes(known.get("supernodes"))
        return QParams(known, clicked, _parse_pinned(known.get("pinnedIds")), supernodes, nodes_by_id)

    @property
    def clicked_node(self) -> str:
        """The node that was chosen; empty where none was."""
        return self.nodes_by_id.get(self.clicked_id, "")

    @property
    def pinned_nodes(self) -> list[str]:
        """The nodes that were pinned to the picture of what matters."""
        return [self.nodes_by_id[identity] for identity in self.pinned_ids if identity in self.nodes_by_id]

    def build_groups(self, graph: Graph, own_fields: Any) -> dict[str, Group]:
        """Supernodes as groups; one that shares nodes with another stays in the file only.

        The group that holds the selected node is expanded, so that the node is in sight.

        Args:
            graph: The graph that the nodes are of.
            own_fields: The fields that circuitviz writes for each group, by name, where it wrote the file.
        """
        made: dict[str, Group] = {}
        for name, *members in self.supernodes:
            nodes = frozenset(
                self.nodes_by_id[identity] for identity in members if identity in self.nodes_by_id
            )
            try:
                own = check_group_name(made, name, graph.node_index)
                if nodes and own == name:
                    group = Group(nodes, least_used_colour(made), collapsed=self.clicked_node not in nodes)
                    ours = own_fields.get(name) if isinstance(own_fields, dict) else None
                    made = add_group(made, own, _with_own_style(group, ours))
                    self.ids_by_group[name] = members
            except InputError:
                continue
        return made

    def to_extra(self) -> dict[str, Any]:
        """What the document keeps of it."""
        others = [entry for entry in self.supernodes if entry[0] not in self.ids_by_group]
        named = {
            identity for entry in self.supernodes for identity in entry[1:] if identity in self.nodes_by_id
        }
        ids = {identity: self.nodes_by_id[identity] for identity in sorted(named)}
        return {"raw": self.raw, "made": self.ids_by_group, "others": others, "ids": ids}

    @staticmethod
    def to_qparams(
        extra: Any, groups: Mapping[str, Group], ids: Mapping[str, Any], clicked: str
    ) -> dict[str, Any]:
        """``qParams`` with the groups that there are now, as both tools' schemas have them.

        Members of new groups are pinned: the viewers show no others of a supernode.

        Args:
            extra: What was read from the file, as ``to_extra`` gave it; None for a new one.
            groups: The document's groups, by name.
            ids: The file's id of each node, by the node's name.
            clicked: Id of the node that is selected.
        """
        raw, made = (extra or {}).get("raw") or {}, (extra or {}).get("made", {})
        before, others = (extra or {}).get("ids", {}), (extra or {}).get("others", [])
        now: list[list[Any]] = []
        pinned = _parse_pinned(raw.get("pinnedIds"))
        changed = set(made) != set(groups)
        for name, group in groups.items():
            members = made.get(name, [])
            if {before[i] for i in members if i in before} == group.nodes:
                now.append([name, *members])
            else:
                changed = True
                lost = [identity for identity in members if identity not in before]
                now.append([name, *(ids[n] for n in sorted(group.nodes) if n in ids), *lost])
                pinned += [i for i in now[-1][1:] if i not in pinned]
        entries = now + others if changed else _parse_list(raw.get("supernodes"))
        params = {
            **DEFAULT_QPARAMS,
            **{k: v for k, v in raw.items() if k not in DEFAULT_QPARAMS or isinstance(v, str)},
        }
        chosen = ids.get(clicked, params["clickedId"])
        return {**params, "pinnedIds": pinned, "supernodes": entries or [], "clickedId": chosen}


def _with_own_style(group: Group, own_fields: Any) -> Group:
    """A group with the colour that our own file says, and open or collapsed as it was."""
    if not isinstance(own_fields, dict) or not COLOUR_PATTERN.fullmatch(str(own_fields.get("colour"))):
        return group
    collapsed = bool(own_fields.get("collapsed")) and group.collapsed
    return replace(group, colour=str(own_fields["colour"]), collapsed=collapsed)


@dataclass
class LabelOverrides:
    """``qParams.clerps``: labels that a person gave, by ``layer_feature_pos`` or by feature number."""

    texts: dict[str, str]
    entries: list[tuple[int, str]]  # the entry's place in the list, and the node it labels

    @staticmethod
    def parse(raw: Any, raw_nodes: Mapping[str, dict[str, Any]], nodes_by_id: NodesById) -> LabelOverrides:
        """Of a file's ``qParams``; the last entry for a node counts. ids: the node that each id means."""
        listed = _parse_list(raw.get("clerps")) if isinstance(raw, dict) else None
        by_feature: dict[str, list[str]] = {}
        for name, node in raw_nodes.items():
            by_feature.setdefault(str(node.get("feature")), []).append(name)
        found = LabelOverrides({}, [])
        for place, entry in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str):
                key = str(entry[0])
                for name in [nodes_by_id[key]] if key in nodes_by_id else by_feature.get(key, []):
                    found.texts[name] = entry[1]
                    found.entries.append((place, name))
        return found

    def to_extra(self, labels: Mapping[str, Label]) -> list[list[Any]]:
        """Place, node and the text that it had."""
        return [[place, name, labels[name].text if name in labels else ""] for place, name in self.entries]

    @staticmethod
    def apply_to_qparams(extra: Any, params: dict[str, Any], labels: Mapping[str, Label]) -> dict[str, Any]:
        """The entries of nodes that were labelled anew say so."""
        now = [(place, labels[name].text if name in labels else "", was) for place, name, was in extra or ()]
        if all(text == was for _, text, was in now):
            return params
        listed = _parse_list(params["clerps"])
        for place, text, was in now:
            if text != was:
                listed[place] = [listed[place][0], text]
        return {**params, "clerps": json.dumps(listed) if isinstance(params["clerps"], str) else listed}


def _parse_list(value: Any) -> Any:
    """A list, also where it came as a string; None where it is no JSON."""
    if not isinstance(value, str):
        return [list(e) if isinstance(e, list) else e for e in value] if isinstance(value, list) else None
    try:
        return parse_json("qParams", replace_surrogates(value).encode())
    except InputError:
        return None


def _parse_pinned(value: Any) -> list[str]:
    """Ids in order, each once: circuit-tracer's Save writes them with commas between."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return list(dict.fromkeys(filter(None, value.split(","))))
    listed = _parse_list(value)
    return list(dict.fromkeys(map(str, listed))) if isinstance(listed, list) else []


def _parse_supernodes(value: Any) -> list[list[str]]:
    listed = _parse_list(value)
    entries = listed if isinstance(listed, list) else []
    return [[str(word) for word in entry] for entry in entries if isinstance(entry, list) and len(entry) > 1]
