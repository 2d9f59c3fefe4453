"""What a file's claims are tested on: its model and task, or the prompt and dictionaries of its features."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.cli.output import print_message, print_warning

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
    """Open it; ``needs_dictionaries``: also the dictionaries. Says where weights or prompts are not the file's."""
    from circuitviz.document.attribution_query import AttributionQuery
    from circuitviz.features import load_dictionaries, paths_or_shipped

    where = document.state.provenance
    question = AttributionQuery.from_provenance(where)
    folders = () if where is None else where.dictionaries

    def shelf(model: Model) -> Sequence[Dictionary]:
        return load_dictionaries(paths_or_shipped(folders, model), model)

    if question is None or where is None:
        from circuitviz.cli.open_task_document import open_task_document
        from circuitviz.discovery import make_setting

        opened = open_task_document(args, print_message, document)
        inside = make_setting(opened.model, opened.task, opened.metric, opened.ablation)
        found = shelf(opened.model) if needs_dictionaries else ()
        return ClaimEnvironment(opened.model, inside, opened.task.hash, found)
    from circuitviz.cli.open_task_document import forbid_network
    from circuitviz.models import load_model
    from circuitviz.workbench.claim_inputs import prompt_pair_setting
    from circuitviz.workbench.prompt_session import open_prompt
    from circuitviz.workbench.record_origin import describe_mismatch

    forbid_network(args)
    model = load_model(question.model, args.device)
    circuit = document.state.circuit
    if circuit is not None and (message := describe_mismatch(where, model, circuit)):
        print_warning(message)
    found = shelf(model)
    now = open_prompt(model, question, found).record_provenance(question).task_hash
    if now != where.task_hash:
        print_message(
            "circuitviz: The prompt or its dictionaries are not those that this circuit was found with."
        )
    return ClaimEnvironment(model, prompt_pair_setting(where, model), now, found)
