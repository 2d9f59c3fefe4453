"""What a file's claims are tested on: its model and task, or the prompt and dictionaries of its features."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.app.cli.output import say

if TYPE_CHECKING:
    from circuitviz.discovery import Setting
    from circuitviz.features import Dictionary
    from circuitviz.models import Model
    from circuitviz.session import Document


@dataclass(frozen=True)
class Ground:
    """Opened once for all claims; ``setting`` is None where the circuit is of a prompt without a pair."""

    model: Model
    setting: Setting | None
    task_hash: str
    dictionaries: Sequence[Dictionary] = ()


def ground(given: argparse.Namespace, document: Document, features: bool) -> Ground:
    """Open it; ``features``: also the dictionaries. Says where weights or prompts are not the file's."""
    from circuitviz.features import given_or_shipped, load_dictionaries
    from circuitviz.session.question import Question

    where = document.state.provenance
    question = Question.of(where)
    folders = () if where is None else where.dictionaries

    def shelf(model: Model) -> Sequence[Dictionary]:
        return load_dictionaries(given_or_shipped(folders, model), model)

    if question is None or where is None:
        from circuitviz.app.cli.reopen import reopen
        from circuitviz.discovery import setting

        opened = reopen(given, say, document)
        inside = setting(opened.model, opened.task, opened.metric, opened.ablation)
        found = shelf(opened.model) if features else ()
        return Ground(opened.model, inside, opened.task.hash, found)
    from circuitviz.app.cli.reopen import stay_unasked
    from circuitviz.models import load_model
    from circuitviz.session.origin import mismatch
    from circuitviz.session.prompted import open_prompt
    from circuitviz.session.trials import own_pair

    stay_unasked(given)
    model = load_model(question.model, given.device)
    circuit = document.state.circuit
    if circuit is not None and (message := mismatch(where, model, circuit)):
        say(f"circuitviz: {message}")
    found = shelf(model)
    now = open_prompt(model, question, found).provenance(question).task_hash
    if now != where.task_hash:
        say("circuitviz: The prompt or its dictionaries are not those that this circuit was found with.")
    return Ground(model, own_pair(where, model), now, found)
