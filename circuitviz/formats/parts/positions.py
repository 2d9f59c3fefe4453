"""Where a person has put nodes."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import finite_number, list_of

MAX_COORDINATE = 1e6  # of the layout's units from its origin: a node is some 50 wide


class PositionsPart(DocumentPart):
    """``positions``: node → x and y in the layout's units."""

    keys = ("positions",)

    def write(self, document: Document) -> dict[str, Any]:
        """All nodes moved by hand."""
        return {"positions": {n: list(at) for n, at in document.state.positions.items()}}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """Places of nodes that the graph has."""
        given = opened.manifest["positions"]
        return {"positions": {name: parse_position(given[name]) for name in opened.check_nodes(given)}}


def parse_position(given: Any) -> tuple[float, float]:
    """The coordinates x and y; InputError where they are no numbers, or no place that can be drawn."""
    list_of(finite_number)(given, "place of a node")
    if len(given) != 2 or max(map(abs, given)) > MAX_COORDINATE:
        raise InputError(
            f"its place of a node is {str(given)[:60]}; x and y up to {MAX_COORDINATE:,.0f} would be right"
        )
    return float(given[0]), float(given[1])


parts.register("places", summary="where nodes were put by hand")(PositionsPart())
