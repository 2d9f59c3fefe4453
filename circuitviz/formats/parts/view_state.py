"""State of the view: layout, camera and settings of panels."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts


class ViewPart(DocumentPart):
    """``view``: stored unchecked; its readers ignore unknown values."""

    keys = ("view",)

    def write(self, document: Document) -> dict[str, Any]:
        """The view state."""
        return {"view": document.view}

    def attach(self, contents: FileContents, document: Document) -> None:
        """The view state."""
        document.view = dict(contents.manifest["view"])


parts.register("view", summary="how it was looked at last")(ViewPart())
