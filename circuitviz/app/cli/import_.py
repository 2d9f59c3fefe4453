"""``circuitviz import``: another tool's file becomes a document."""

from __future__ import annotations

import argparse

from circuitviz.app.cli.output import show
from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Read a file and save it as .circuit; returns the exit code."""
    from circuitviz.formats import import_document, save_document

    if given.output.suffix != ".circuit":
        raise InputError(f"'{given.output}' was given to write to; import writes .circuit files.")
    document = import_document(given.source)
    save_document(document, given.output)
    circuit = document.state.circuit
    edges = circuit.n_edges if circuit else 0
    return show(
        given, {"output": str(given.output), "edges": edges}, lambda: f"wrote {given.output}: {edges:,} edges"
    )
