"""``circuitviz inspect --reading features-…``: OV and QK between the features of a prompt's circuit."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from circuitviz.app.cli.output import print_message
from circuitviz.app.cli.reopen import read_document
from circuitviz.errors import InputError
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.feature_heads import ReadHeadChannels, ReadAttentionScore, channels_table, score_table
from circuitviz.jobs.look import Query, CsvTable
from circuitviz.jobs.prompted import open_prompt_session
from circuitviz.session.question import AttributionQuery


def prepare_prompt_reading(args: argparse.Namespace) -> tuple[Query, Callable[[Any], CsvTable], Engine]:
    """What to ask for, how its answer becomes a table, and an engine with the file's prompt open."""
    question = AttributionQuery.from_provenance(read_document(args).state.provenance)
    if question is None:
        raise InputError(
            f"'{args.circuit}' is no circuit of features of one prompt; one that 'circuitviz local-circuit' "
            "or 'attribute' wrote would be right."
        )
    if args.node is None:
        raise InputError(f"The reading '{args.reading}' is of a node; --node m3.f12@7 would be right.")
    if args.model:
        question = replace(question, model=args.model)
    engine = Engine()
    for _reply in open_prompt_session(engine, question, args.device):
        pass
    for warning in engine.prompt_session.warnings:
        print_message(f"circuitviz: {warning}")
    if args.reading == "features-ov":
        return ReadHeadChannels(question, args.node, args.source), channels_table, engine
    look = ReadAttentionScore(question, args.node, args.source, args.head, args.query, args.key)
    return look, score_table, engine
