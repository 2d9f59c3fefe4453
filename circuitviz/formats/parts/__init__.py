"""What a file holds of a document is divided into parts, so that adding a field is adding a file."""

from circuitviz.formats.parts.registry import Arrays, DocumentPart, FileContents, parts

__all__ = ["Arrays", "FileContents", "DocumentPart", "parts"]
