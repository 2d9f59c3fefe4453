"""What a paper needs beside the figure."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import FileService
from circuitviz.workbench.methods_text import methods_with_notes
from circuitviz.workspace import Workspace
from circuitviz.workspace.clipboard_texts import copy_text


@command("copy-methods", text="Copy the methods paragraph", menu="Edit", group="copy", enabled=has_circuit)
def copy_methods(files: FileService) -> None:
    """Copy a paragraph that says how the circuit was found and measured."""
    files.copy_methods()


@command(
    "copy-methods-and-notes",
    text="Copy the methods paragraph with the notes",
    group="copy",
    menu="Edit",
    enabled=has_circuit,
)
def copy_methods_and_notes(workspace: Workspace) -> None:
    """Copy the methods paragraph, and below it the circuit's notes."""
    workspace.commit_input_requested.emit()  # what is being written, too
    copy_text(workspace, methods_with_notes, "the methods paragraph and the notes")


@command("copy-bibtex", text="Copy the BibTeX entries", menu="Edit", group="copy", enabled=has_circuit)
def copy_bibtex(files: FileService) -> None:
    """Copy the BibTeX entries of the methods that were used."""
    files.copy_bibtex()
