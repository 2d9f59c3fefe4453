"""What of the circuit is in sight."""

from __future__ import annotations

from typing import Any

from circuitviz.formats.parts.registry import Opened, Part, parts
from circuitviz.session import Document, Sight


class SightPart(Part):
    """``filters``: those that hide something, by name."""

    keys = ("filters",)

    def write(self, document: Document) -> dict[str, Any]:
        """The filters that are set."""
        return {"filters": document.state.sight.plain()}

    def state(self, opened: Opened) -> dict[str, Any]:
        """The filters; a later version's are left out."""
        return {"sight": Sight.of(dict(opened.get("filters", {})))}


parts.register("filters", summary="what of the circuit is in sight")(SightPart())
