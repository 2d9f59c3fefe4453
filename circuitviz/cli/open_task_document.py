"""From a circuit file back to its model and task: shared by every verb that computes on a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.cli.output import print_skipped_rows, print_warning
from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.document import Document
    from circuitviz.models import Model
    from circuitviz.tasks import Task


@dataclass(frozen=True)
class TaskDocument:
    """A document with the model and task to measure it on, and how it was found."""

    document: Document
    model: Model
    task: Task
    metric: str | None
    ablation: str
    select: str
    requested_size: float | None


def read_document(args: argparse.Namespace) -> Document:
    """A file's document, or a reference by its name."""
    from circuitviz.formats import import_document
    from circuitviz.formats.reference_circuit import find_reference

    return import_document(find_reference(args.circuit))


def forbid_network(args: argparse.Namespace) -> None:
    """Let what a file names reach no network, to the end of the command; ``--model`` is a person's word."""
    from circuitviz.models.hub import forbid_downloads

    if args.model is None:
        args.closing.enter_context(forbid_downloads())


def open_task_document(
    args: argparse.Namespace, print_message: Callable[[str], None], document: Document | None = None
) -> TaskDocument:
    """Open a file with its own model and task, or with those of ``--model`` and ``--task``.

    document: the file's, where it was read already. Warns where weights or prompts are not those that the
    circuit was found on.
    """
    from circuitviz.document.imported_circuits import fit_state
    from circuitviz.models import load_model
    from circuitviz.tasks import load_task
    from circuitviz.workbench.record_origin import describe_mismatch, rebuild_task

    path: Path = args.circuit
    document = read_document(args) if document is None else document
    origin, circuit = document.state.origin, document.state.circuit
    told = document.extra.get("reference", {})
    named = args.model or (origin.model if origin else told.get("model"))
    asked_for = args.task or (None if origin else told.get("task"))
    if circuit is None or named is None or (origin is None and asked_for is None):
        raise InputError(
            f"'{path}' does not say which model and task its circuit belongs to (it was imported); "
            "name them with --model and --task."
        )
    forbid_network(args)
    model = load_model(named, args.device)
    if origin is None:
        document.set_state(fit_state(document.state, model.shape, named))
    elif message := describe_mismatch(origin, model, circuit):
        print_warning(message)
    if asked_for is not None:
        skip = getattr(args, "skip_unusable", False)  # verbs of labels have no such flag
        task = load_task(asked_for, model, args.prompts, args.seed, skip_unusable=skip)
        print_skipped_rows(task)
    else:
        assert origin is not None
        task = rebuild_task(origin, model)
        if task.hash != origin.task_hash:
            print_message("circuitviz: The prompts tokenise otherwise than when the circuit was found.")
    metric = None if origin is None or args.task else origin.metric  # None: the task's own
    return TaskDocument(
        document,
        model,
        task,
        metric,
        origin.ablation if origin else told.get("ablation", "corrupted"),
        origin.select if origin else "own",
        origin.requested if origin else None,
    )
