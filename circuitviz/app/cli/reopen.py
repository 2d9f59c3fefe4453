"""From a circuit file back to its model and task: shared by every verb that computes on a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz.app.cli.output import say_left_out
from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.models import Model
    from circuitviz.session import Document
    from circuitviz.tasks import Task


@dataclass(frozen=True)
class Reopened:
    """A document with the model and task to measure it on, and how it was found."""

    document: Document
    model: Model
    task: Task
    metric: str | None
    ablation: str
    select: str
    asked: float | None


def read(given: argparse.Namespace) -> Document:
    """A file's document, or a reference by its name."""
    from circuitviz.formats import import_document
    from circuitviz.formats.reference import find

    return import_document(find(given.circuit))


def stay_unasked(given: argparse.Namespace) -> None:
    """Let what a file names reach no network, to the end of the command; ``--model`` is a person's word."""
    from circuitviz.models.hub import unasked

    if given.model is None:
        given.closing.enter_context(unasked())


def reopen(
    given: argparse.Namespace, say: Callable[[str], None], document: Document | None = None
) -> Reopened:
    """Open a file with its own model and task, or with those of ``--model`` and ``--task``.

    document: the file's, where it was read already. Warns where weights or prompts are not those that the
    circuit was found on.
    """
    from circuitviz.models import load_model
    from circuitviz.session.imported import fit_state
    from circuitviz.session.origin import mismatch, task_of
    from circuitviz.tasks import load_task

    path: Path = given.circuit
    document = read(given) if document is None else document
    where, circuit = document.state.provenance, document.state.circuit
    told = document.extra.get("reference", {})
    named = given.model or (where.model if where else told.get("model"))
    asked_for = given.task or (None if where else told.get("task"))
    if circuit is None or named is None or (where is None and asked_for is None):
        raise InputError(
            f"'{path}' does not say which model and task its circuit belongs to (it was imported); "
            "name them with --model and --task."
        )
    stay_unasked(given)
    model = load_model(named, given.device)
    if where is None:
        document.apply(fit_state(document.state, model.shape, named))
    elif message := mismatch(where, model, circuit):
        say(f"circuitviz: {message}")
    if asked_for is not None:
        skip = getattr(given, "skip_unusable", False)  # verbs of labels have no such flag
        task = load_task(asked_for, model, given.prompts, given.seed, skip_unusable=skip)
        say_left_out(task)
    else:
        assert where is not None
        task = task_of(where, model)
        if task.hash != where.task_hash:
            say("circuitviz: The prompts tokenise otherwise than when the circuit was found.")
    metric = None if where is None or given.task else where.metric  # None: the task's own
    return Reopened(
        document,
        model,
        task,
        metric,
        where.ablation if where else told.get("ablation", "corrupted"),
        where.select if where else "own",
        where.asked if where else None,
    )
