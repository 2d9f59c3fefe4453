"""From a circuit file back to its model and task: shared by every verb that computes on a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.models import Model
    from circuitviz.session import Document, Provenance
    from circuitviz.tasks import Task


def reopen(
    path: Path, device: str, say: Callable[[str], None]
) -> tuple[Document, Provenance, Model, Task]:
    """Open a file with its model and task; warns where weights or prompts are no longer the same."""
    from circuitviz.formats import open_document
    from circuitviz.models import load_model
    from circuitviz.session.origin import mismatch, task_of

    document = open_document(path)
    where, circuit = document.state.provenance, document.state.circuit
    if where is None or circuit is None:
        raise InputError(
            f"'{path}' does not say which model and task its circuit belongs to (it was imported); "
            "find the circuit with 'circuitviz discover', or open it in the application."
        )
    model = load_model(where.model, device)
    message = mismatch(where, model, circuit)
    if circuit.graph.shape != model.shape:
        raise InputError(message)
    if message:
        say(f"circuitviz: {message}")
    task = task_of(where, model)
    if task.hash != where.task_hash:
        say("circuitviz: The prompts tokenise otherwise than when the circuit was found.")
    return document, where, model, task
