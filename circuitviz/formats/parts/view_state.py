"""How the document was looked at last: layout, zoom, whatever panels keep."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts


class ViewPart(DocumentPart):
    """``view``: kept as it is; its readers ignore what they do not know."""

    keys = ("view",)

    def write(self, document: Document) -> dict[str, Any]:
        """The view state."""
        return {"view": document.view}

    def attach(self, opened: FileContents, document: Document) -> None:
        """The view state."""
        document.view = dict(opened.manifest["view"])


parts.register("view", summary="how it was looked at last")(ViewPart())
