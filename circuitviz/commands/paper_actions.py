"""What a paper needs beside the figure."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import FileService


@command("copy-methods", text="Copy the methods paragraph", menu="Edit", enabled=has_circuit)
def copy_methods(files: FileService) -> None:
    """Copy a paragraph that says how the circuit was found and measured."""
    files.copy_methods()


@command("copy-bibtex", text="Copy the BibTeX entries", menu="Edit", enabled=has_circuit)
def copy_bibtex(files: FileService) -> None:
    """Copy the BibTeX entries of the methods that were used."""
    files.copy_bibtex()
