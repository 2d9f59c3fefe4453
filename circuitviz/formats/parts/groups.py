"""Groups of nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from circuitviz.document import Document, Group
from circuitviz.document.groups import add_group, check_group_name
from circuitviz.errors import InputError
from circuitviz.formats.parts.positions import parse_position
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts


class GroupsPart(DocumentPart):
    """``groups``: name → nodes, colour, whether it is collapsed, and the position of its box."""

    keys = ("groups",)

    def write(self, document: Document) -> dict[str, Any]:
        """All groups, by name."""
        return {"groups": {name: group_to_json(group) for name, group in document.state.groups.items()}}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Groups, whose nodes have to be in the graph and which have to be nested or disjoint."""
        groups: dict[str, Group] = {}
        for name, data in contents.get("groups", {}).items():
            group = group_from_json(name, data, contents.check_nodes(data["nodes"]))
            node_names = contents.graph.node_index if contents.graph is not None else ()
            groups = add_group(groups, check_group_name(groups, name, node_names), group)
        return {"groups": groups}


def group_from_json(name: str, data: dict[str, Any], names: Iterable[str]) -> Group:
    """A group of the named nodes from JSON data.

    Raises:
        InputError: It has no valid colour, or no nodes.
    """
    nodes, colour, place = frozenset(names), str(data["colour"]), data.get("place")
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour) or not nodes:
        raise InputError(f"its group '{name}' has the colour {colour!r} and {len(nodes)} nodes")
    return Group(nodes, colour, bool(data["collapsed"]), None if place is None else parse_position(place))


def group_to_json(group: Group) -> dict[str, Any]:
    """A group as JSON data."""
    data = {"nodes": sorted(group.nodes), "colour": group.colour, "collapsed": group.collapsed}
    return data if group.place is None else {**data, "place": list(group.place)}


parts.register("groups", summary="which nodes were put together")(GroupsPart())
