"""The notes: a text about the circuit."""

from __future__ import annotations

from typing import Any

from circuitviz.document import Document
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts
from circuitviz.formats.schemas import any_text


class NotesPart(DocumentPart):
    """``notes``: a text, plain or Markdown; empty where there is none."""

    keys = ("notes",)

    def write(self, document: Document) -> dict[str, Any]:
        """The text."""
        return {"notes": document.state.notes}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """The text; empty in files without notes."""
        notes = contents.get("notes", "")
        any_text(notes, "notes")
        return {"notes": notes}


parts.register("notes", summary="a text about the circuit")(NotesPart())
