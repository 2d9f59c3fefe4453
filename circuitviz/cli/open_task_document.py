"""From a circuit file back to its model and prompts: shared by every verb that computes on a file."""

from __future__ import annotations

import argparse

from circuitviz import formats, models, workbench
from circuitviz.cli.output import print_message, print_skipped_rows, print_warning
from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.progress import run_to_completion


def read_document(args: argparse.Namespace) -> Document:
    """A file's document, or a reference by its name; print what of it could not be read."""
    document = formats.import_document(formats.find_reference(args.circuit))
    for notice in document.notices:
        print_message(notice)
    return document


def forbid_network(args: argparse.Namespace) -> None:
    """Let what a file names reach no network, to the end of the command; ``--model`` is a person's word."""
    if args.model is None:
        args.closing.enter_context(models.forbid_downloads())


def open_task_document(
    args: argparse.Namespace, document: Document | None = None
) -> tuple[Document, workbench.TaskExperiment]:
    """Open a file with its own model and task, or with those of ``--model`` and ``--task``.

    Warnings are printed where weights or prompts are not those that the circuit was found on.

    Args:
        args: the parsed command line.
        document: the file's, where it was read already.

    Returns:
        The document and its experiment.
    """
    document = read_document(args) if document is None else document
    state, reference = document.state, document.extra.get("reference", {})
    names_both = (args.model or reference.get("model")) and (args.task or reference.get("task"))
    if state.circuit is None or (state.origin is None and not names_both):
        raise InputError(
            f"'{args.circuit}' does not say which model and task its circuit belongs to (it was imported); "
            "name them with --model and --task."
        )
    if state.origin is not None and args.task is None:
        workbench.require_task_origin(state.origin)
    experiment = open_experiment(args, document, args.task)
    assert isinstance(experiment, workbench.TaskExperiment)
    if args.task is not None or state.origin is None:
        print_skipped_rows(experiment.task)
    return document, experiment


def open_prompt_experiment(args: argparse.Namespace, document: Document) -> workbench.PromptExperiment:
    """Open the prompt of a document's circuit of features, with warnings as `open_task_document` has."""
    experiment = open_experiment(args, document)
    assert isinstance(experiment, workbench.PromptExperiment)
    return experiment


def open_claim_experiment(args: argparse.Namespace, document: Document) -> workbench.Experiment:
    """Open what a document's claims are tested on: its prompt and dictionaries, or its task."""
    if document.state.is_prompt_circuit:
        return open_prompt_experiment(args, document)
    return open_task_document(args, document)[1]


def open_experiment(
    args: argparse.Namespace, document: Document, task: str | None = None
) -> workbench.Experiment:
    """Open a document's experiment with the command line's model, device and setting; print its warnings.

    Args:
        args: the parsed command line.
        document: the document; an imported circuit gets the model's receivers.
        task: another task than the document's, by name or file.
    """
    forbid_network(args)
    experiment = run_to_completion(
        workbench.open_document_steps(
            document,
            device=args.device,
            dtype=args.dtype,
            model=args.model,
            task=task,
            prompts=args.prompts,
            seed=args.seed,
            skip_unusable=getattr(args, "skip_unusable", False),  # verbs of labels have no such flag
            metric=getattr(args, "metric", None),
            ablation=getattr(args, "ablation", None),
        )
    )
    for warning in experiment.warnings:
        print_warning(warning)
    return experiment
