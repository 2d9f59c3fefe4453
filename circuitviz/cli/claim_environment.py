"""What a file's claims are tested on: its model and task, or the prompt and dictionaries of its features."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.cli.output import print_message, print_warning
from circuitviz.document import PromptOrigin

if TYPE_CHECKING:
    from circuitviz.discovery import TaskSetting
    from circuitviz.document import Document
    from circuitviz.features import Dictionary
    from circuitviz.models import Model


@dataclass(frozen=True)
class ClaimEnvironment:
    """Opened once for all claims; ``setting`` is None where the circuit is of a prompt without a pair."""

    model: Model
    setting: TaskSetting | None
    task_hash: str
    dictionaries: Sequence[Dictionary] = ()


def open_claim_environment(
    args: argparse.Namespace, document: Document, needs_dictionaries: bool
) -> ClaimEnvironment:
    """Open what a document's claims are tested on, with warnings where it is not what the file was made on.

    Args:
        args: Flags of the command line: model, task, device.
        document: The document that holds the claims.
        needs_dictionaries: Whether a claim is about features.

    Returns:
        Model, setting and dictionaries; of a prompt circuit, always with the dictionaries.
    """
    match document.state.origin:
        case PromptOrigin() as origin:
            return _open_prompt_environment(args, document, origin)
        case origin:
            folders = () if origin is None else origin.dictionaries
    from circuitviz.cli.open_task_document import open_task_document
    from circuitviz.discovery import make_setting

    opened = open_task_document(args, print_message, document)
    setting = make_setting(opened.model, opened.task, opened.metric, opened.ablation)
    dictionaries = _load_dictionaries(folders, opened.model) if needs_dictionaries else ()
    return ClaimEnvironment(opened.model, setting, opened.task.hash, dictionaries)


def _open_prompt_environment(
    args: argparse.Namespace, document: Document, origin: PromptOrigin
) -> ClaimEnvironment:
    from circuitviz.cli.open_task_document import forbid_network
    from circuitviz.models import load_model
    from circuitviz.workbench.claim_inputs import prompt_pair_setting
    from circuitviz.workbench.prompt_session import open_prompt
    from circuitviz.workbench.record_origin import describe_mismatch

    forbid_network(args)
    model = load_model(origin.model, args.device)
    circuit = document.state.circuit
    if circuit is not None and (message := describe_mismatch(origin, model, circuit)):
        print_warning(message)
    dictionaries = _load_dictionaries(origin.dictionaries, model)
    task_hash = open_prompt(model, origin.query, dictionaries).record_origin(origin.query).task_hash
    if task_hash != origin.task_hash:
        print_message(
            "circuitviz: The prompt or its dictionaries differ from those that this circuit was found with."
        )
    return ClaimEnvironment(model, prompt_pair_setting(origin.query, model), task_hash, dictionaries)


def _load_dictionaries(folders: Sequence[str], model: Model) -> Sequence[Dictionary]:
    from circuitviz.features import load_dictionaries, paths_or_shipped

    return load_dictionaries(paths_or_shipped(folders, model), model)
