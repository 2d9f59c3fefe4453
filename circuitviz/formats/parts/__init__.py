"""Parts of a document's manifest; each is one file that writes and reads some of its keys."""

from circuitviz.formats.parts.registry import Arrays, DocumentPart, FileContents, parts

__all__ = ["Arrays", "FileContents", "DocumentPart", "parts"]
