"""Which nodes a person has put together."""

from __future__ import annotations

import re
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.places import place
from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.session import Document, Group
from circuitviz.session.groups import added, checked_name


class GroupsPart(Part):
    """``groups``: name → nodes, colour, whether it is collapsed, and where its box was put."""

    keys = ("groups",)

    def write(self, document: Document) -> dict[str, Any]:
        """All groups, by name."""
        return {"groups": {name: _written(group) for name, group in document.state.groups.items()}}

    def state(self, opened: Opened) -> dict[str, Any]:
        """Groups of nodes that the graph has, each wholly inside another or apart."""
        made: dict[str, Group] = {}
        for name, given in opened.get("groups", {}).items():
            nodes = frozenset(opened.nodes(given["nodes"]))
            colour = str(given["colour"])
            if not re.fullmatch("#[0-9a-fA-F]{6}", colour) or not nodes:
                raise InputError(f"its group '{name}' has the colour {colour!r} and {len(nodes)} nodes")
            at = given.get("place")
            group = Group(nodes, colour, bool(given["collapsed"]), None if at is None else place(at))
            taken = opened.graph.node_index if opened.graph is not None else ()
            made = added(made, checked_name(made, name, taken), group)
        return {"groups": made}


def _written(group: Group) -> dict[str, Any]:
    made = {"nodes": sorted(group.nodes), "colour": group.colour, "collapsed": group.collapsed}
    return made if group.place is None else {**made, "place": list(group.place)}


parts.register("groups", summary="which nodes were put together")(GroupsPart())
