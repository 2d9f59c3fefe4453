"""View filters."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document, ViewFilters
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts


class ViewFiltersPart(DocumentPart):
    """``filters``: filters that differ from their defaults, by name."""

    keys = ("filters",)

    def write(self, document: Document) -> dict[str, Any]:
        """The filters that are set."""
        return {"filters": document.state.filters.to_json()}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """The filters; those of later versions are ignored."""
        return {"filters": ViewFilters.from_json(dict(contents.get("filters", {})))}


parts.register("filters", summary="what of the circuit is in sight")(ViewFiltersPart())
