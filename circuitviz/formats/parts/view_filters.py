"""What of the circuit is in sight."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document, ViewFilters
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts


class ViewFiltersPart(DocumentPart):
    """``filters``: those that hide something, by name."""

    keys = ("filters",)

    def write(self, document: Document) -> dict[str, Any]:
        """The filters that are set."""
        return {"filters": document.state.filters.to_json()}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """The filters; a later version's are left out."""
        return {"filters": ViewFilters.from_json(dict(opened.get("filters", {})))}


parts.register("filters", summary="what of the circuit is in sight")(ViewFiltersPart())
