"""Which nodes a person has put together."""

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
    """``groups``: name → nodes, colour, whether it is collapsed, and where its box was put."""

    keys = ("groups",)

    def write(self, document: Document) -> dict[str, Any]:
        """All groups, by name."""
        return {"groups": {name: group_to_json(group) for name, group in document.state.groups.items()}}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """Groups of nodes that the graph has, each wholly inside another or apart."""
        made: dict[str, Group] = {}
        for name, given in opened.get("groups", {}).items():
            group = group_from_json(name, given, opened.check_nodes(given["nodes"]))
            taken = opened.graph.node_index if opened.graph is not None else ()
            made = add_group(made, check_group_name(made, name, taken), group)
        return {"groups": made}


def group_from_json(name: str, given: dict[str, Any], names: Iterable[str]) -> Group:
    """A group of these nodes from JSON; InputError where it has no colour or no node."""
    nodes, colour, at = frozenset(names), str(given["colour"]), given.get("place")
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour) or not nodes:
        raise InputError(f"its group '{name}' has the colour {colour!r} and {len(nodes)} nodes")
    return Group(nodes, colour, bool(given["collapsed"]), None if at is None else parse_position(at))


def group_to_json(group: Group) -> dict[str, Any]:
    """A group as JSON has it."""
    made = {"nodes": sorted(group.nodes), "colour": group.colour, "collapsed": group.collapsed}
    return made if group.place is None else {**made, "place": list(group.place)}


parts.register("groups", summary="which nodes were put together")(GroupsPart())
