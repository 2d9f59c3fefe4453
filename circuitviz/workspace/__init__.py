"""The application's model: the document, its undo stack, the selection, jobs, and what follows from them."""

from circuitviz.workspace.workspace import Workspace

__all__ = ["Workspace"]
