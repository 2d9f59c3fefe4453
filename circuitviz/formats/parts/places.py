"""Where a person has put nodes."""

from __future__ import annotations

import math
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.session import Document


class PlacesPart(Part):
    """``positions``: node → x and y in the layout's units."""

    keys = ("positions",)

    def write(self, document: Document) -> dict[str, Any]:
        """All nodes moved by hand."""
        return {"positions": {n: list(at) for n, at in document.state.positions.items()}}

    def state(self, opened: Opened) -> dict[str, Any]:
        """Places of nodes that the graph has."""
        given = opened.manifest["positions"]
        return {"positions": {name: place(given[name]) for name in opened.nodes(given)}}


def place(given: Any) -> tuple[float, float]:
    """x and y; InputError where they are no numbers."""
    x, y = (float(v) for v in given)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError("a node's place is not a number")
    return x, y


parts.register("places", summary="where nodes were put by hand")(PlacesPart())
