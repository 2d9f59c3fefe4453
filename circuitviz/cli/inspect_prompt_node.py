"""``circuitviz inspect --reading features-…``: OV and QK between the features of a prompt's circuit."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from circuitviz import workbench
from circuitviz.cli.open_task_document import open_prompt_experiment, read_document
from circuitviz.errors import InputError
from circuitviz.plots import TableRows
from circuitviz.workbench import requests


def prepare_prompt_reading(
    args: argparse.Namespace,
) -> tuple[requests.Query, Callable[[Any], TableRows], workbench.Engine]:
    """What to ask for, how its answer becomes a table, and an engine with the file's prompt open."""
    document = read_document(args)
    if not document.state.is_prompt_circuit:
        raise InputError(
            f"'{args.circuit}' is no circuit of features of one prompt; one that 'circuitviz local-circuit' "
            "or 'attribute' wrote would be right."
        )
    if args.node is None:
        raise InputError(f"The reading '{args.reading}' is of a node; --node m3.f12@7 would be right.")
    experiment = open_prompt_experiment(args, document)
    query = experiment.origin.query
    engine = workbench.Engine()
    engine.model, engine.prompt_session = experiment.model, experiment.session
    if args.reading == "features-ov":
        return requests.ReadHeadChannels(query, args.node, args.source), requests.channels_table, engine
    look = requests.ReadAttentionScore(query, args.node, args.source, args.head, args.query, args.key)
    return look, requests.score_table, engine
