"""Positions of nodes that were moved by hand."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import finite_number, list_of

MAX_COORDINATE = 1e6  # in the layout's units, in which a node is 86 wide


class PositionsPart(DocumentPart):
    """``positions``: node → x and y in the layout's units."""

    keys = ("positions",)

    def write(self, document: Document) -> dict[str, Any]:
        """All nodes moved by hand."""
        return {"positions": {n: list(position) for n, position in document.state.positions.items()}}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """Positions, whose nodes have to be in the graph."""
        positions = contents.manifest["positions"]
        return {
            "positions": {name: parse_position(positions[name]) for name in contents.check_nodes(positions)}
        }


def parse_position(position: Any) -> tuple[float, float]:
    """Coordinates x and y of a position from JSON data.

    Raises:
        InputError: They are no numbers, or too large to be drawn.
    """
    list_of(finite_number)(position, "place of a node")
    if len(position) != 2 or max(map(abs, position)) > MAX_COORDINATE:
        raise InputError(
            f"its place of a node is {str(position)[:60]}; x and y up to {MAX_COORDINATE:,.0f} would be right"
        )
    return float(position[0]), float(position[1])


parts.register("places", summary="where nodes were put by hand")(PositionsPart())
