"""``qParams`` of attribution graphs: supernodes, pinned nodes and labels that a person made in the viewer.

circuit-tracer's Save writes these as strings, Neuronpedia as lists. Pinned nodes and supernodes are written
as lists, which both schemas require; ``clerps`` in the form that was read, since circuit-tracer reads only
strings.
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
    """``qParams`` of a file, and the groups made of its supernodes.

    Attributes:
        raw: The object in the file.
        clicked_id: Id of the selected node.
        pinned_ids: Ids of the pinned nodes.
        supernodes: Name and member ids of each supernode.
        nodes_by_id: Name of the node of each id.
        ids_by_group: Member ids of each supernode that became a group.
    """

    raw: dict[str, Any]
    clicked_id: str
    pinned_ids: list[str]
    supernodes: list[list[str]]
    nodes_by_id: NodesById
    ids_by_group: dict[str, list[str]] = field(default_factory=dict)

    @staticmethod
    def parse(raw: Any, nodes_by_id: NodesById) -> QParams:
        """Parse ``qParams``; values of a wrong type are ignored."""
        params = dict(raw) if isinstance(raw, dict) else {}
        clicked = str(params.get("clickedId") or "")
        supernodes = _parse_supernodes(params.get("supernodes"))
        return QParams(params, clicked, _parse_pinned(params.get("pinnedIds")), supernodes, nodes_by_id)

    @property
    def clicked_node(self) -> str:
        """Name of the selected node; empty where there is none."""
        return self.nodes_by_id.get(self.clicked_id, "")

    @property
    def pinned_nodes(self) -> list[str]:
        """Names of the pinned nodes."""
        return [self.nodes_by_id[identity] for identity in self.pinned_ids if identity in self.nodes_by_id]

    def build_groups(self, graph: Graph, own_fields: Any) -> dict[str, Group]:
        """Make groups of the supernodes, except those that share nodes with another.

        The group that holds the selected node is expanded, so that the node is visible.

        Args:
            graph: The graph that the nodes are of.
            own_fields: The fields that circuitviz writes for each group, by name, where it wrote the file.
        """
        groups: dict[str, Group] = {}
        for name, *members in self.supernodes:
            nodes = frozenset(
                self.nodes_by_id[identity] for identity in members if identity in self.nodes_by_id
            )
            try:
                valid_name = check_group_name(groups, name, graph.node_index)
                if nodes and valid_name == name:
                    group = Group(nodes, least_used_colour(groups), collapsed=self.clicked_node not in nodes)
                    own_style = own_fields.get(name) if isinstance(own_fields, dict) else None
                    groups = add_group(groups, valid_name, _with_own_style(group, own_style))
                    self.ids_by_group[name] = members
            except InputError:
                continue
        return groups

    def to_extra(self) -> dict[str, Any]:
        """The data that ``Document.extra`` stores for ``to_qparams``."""
        ungrouped = [entry for entry in self.supernodes if entry[0] not in self.ids_by_group]
        used_ids = {
            identity for entry in self.supernodes for identity in entry[1:] if identity in self.nodes_by_id
        }
        ids = {identity: self.nodes_by_id[identity] for identity in sorted(used_ids)}
        return {"raw": self.raw, "made": self.ids_by_group, "others": ungrouped, "ids": ids}

    @staticmethod
    def to_qparams(
        extra: Any, groups: Mapping[str, Group], ids: Mapping[str, Any], clicked: str
    ) -> dict[str, Any]:
        """``qParams`` with the document's current groups, as both tools' schemas define them.

        Members of new groups are pinned, because the viewers show only pinned members of a supernode.

        Args:
            extra: What was read from the file, as ``to_extra`` gave it; None for a new one.
            groups: The document's groups, by name.
            ids: The file's id of each node, by the node's name.
            clicked: Id of the node that is selected.
        """
        raw, old_members = (extra or {}).get("raw") or {}, (extra or {}).get("made", {})
        old_nodes, ungrouped = (extra or {}).get("ids", {}), (extra or {}).get("others", [])
        supernodes: list[list[Any]] = []
        pinned = _parse_pinned(raw.get("pinnedIds"))
        changed = set(old_members) != set(groups)
        for name, group in groups.items():
            members = old_members.get(name, [])
            if {old_nodes[i] for i in members if i in old_nodes} == group.nodes:
                supernodes.append([name, *members])
            else:
                changed = True
                unknown_ids = [identity for identity in members if identity not in old_nodes]
                supernodes.append([name, *(ids[n] for n in sorted(group.nodes) if n in ids), *unknown_ids])
                pinned += [i for i in supernodes[-1][1:] if i not in pinned]
        entries = supernodes + ungrouped if changed else _parse_list(raw.get("supernodes"))
        params = {
            **DEFAULT_QPARAMS,
            **{k: v for k, v in raw.items() if k not in DEFAULT_QPARAMS or isinstance(v, str)},
        }
        clicked_id = ids.get(clicked, params["clickedId"])
        return {**params, "pinnedIds": pinned, "supernodes": entries or [], "clickedId": clicked_id}


def _with_own_style(group: Group, own_fields: Any) -> Group:
    """A group with the colour and collapsed state that circuitviz wrote."""
    if not isinstance(own_fields, dict) or not COLOUR_PATTERN.fullmatch(str(own_fields.get("colour"))):
        return group
    collapsed = bool(own_fields.get("collapsed")) and group.collapsed
    return replace(group, colour=str(own_fields["colour"]), collapsed=collapsed)


@dataclass
class LabelOverrides:
    """``qParams.clerps``: labels that a person gave, by ``layer_feature_pos`` or by feature number.

    Attributes:
        texts: Labels by node name.
        entries: Index of each entry in the list, and the name of the node that it labels.
    """

    texts: dict[str, str]
    entries: list[tuple[int, str]]

    @staticmethod
    def parse(raw: Any, raw_nodes: Mapping[str, dict[str, Any]], nodes_by_id: NodesById) -> LabelOverrides:
        """Parse the labels of ``qParams``; of several entries for a node the last counts.

        Args:
            raw: The file's ``qParams``.
            raw_nodes: The file's nodes by node name.
            nodes_by_id: Name of the node of each id.
        """
        listed = _parse_list(raw.get("clerps")) if isinstance(raw, dict) else None
        by_feature: dict[str, list[str]] = {}
        for name, node in raw_nodes.items():
            by_feature.setdefault(str(node.get("feature")), []).append(name)
        overrides = LabelOverrides({}, [])
        for index, entry in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str):
                key = str(entry[0])
                for name in [nodes_by_id[key]] if key in nodes_by_id else by_feature.get(key, []):
                    overrides.texts[name] = entry[1]
                    overrides.entries.append((index, name))
        return overrides

    def to_extra(self, labels: Mapping[str, Label]) -> list[list[Any]]:
        """Index, node and label of each entry, for ``Document.extra``."""
        return [[index, name, labels[name].text if name in labels else ""] for index, name in self.entries]

    @staticmethod
    def apply_to_qparams(extra: Any, params: dict[str, Any], labels: Mapping[str, Label]) -> dict[str, Any]:
        """``qParams`` with the document's current labels in the entries of nodes whose label changed."""
        entries = [
            (index, labels[name].text if name in labels else "", old_text)
            for index, name, old_text in extra or ()
        ]
        if all(text == old_text for _, text, old_text in entries):
            return params
        listed = _parse_list(params["clerps"])
        for index, text, old_text in entries:
            if text != old_text:
                listed[index] = [listed[index][0], text]
        return {**params, "clerps": json.dumps(listed) if isinstance(params["clerps"], str) else listed}


def _parse_list(value: Any) -> Any:
    """A list from JSON or from a string of JSON; None for anything else."""
    if not isinstance(value, str):
        return [list(e) if isinstance(e, list) else e for e in value] if isinstance(value, list) else None
    try:
        return parse_json("qParams", replace_surrogates(value).encode())
    except InputError:
        return None


def _parse_pinned(value: Any) -> list[str]:
    """Ids in order without repetition, from a list or from circuit-tracer's comma-separated string."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return list(dict.fromkeys(filter(None, value.split(","))))
    listed = _parse_list(value)
    return list(dict.fromkeys(map(str, listed))) if isinstance(listed, list) else []


def _parse_supernodes(value: Any) -> list[list[str]]:
    listed = _parse_list(value)
    entries = listed if isinstance(listed, list) else []
    return [[str(item) for item in entry] for entry in entries if isinstance(entry, list) and len(entry) > 1]
