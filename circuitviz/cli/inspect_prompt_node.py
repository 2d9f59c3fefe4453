"""``circuitviz inspect --reading features-…``: OV and QK between the features of a prompt's circuit."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from circuitviz.cli.open_task_document import read_document
from circuitviz.cli.output import print_warning
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.errors import InputError
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_prompt_circuit import open_prompt_session
from circuitviz.workbench.requests.query import CsvTable, Query
from circuitviz.workbench.requests.read_feature_heads import (
    ReadAttentionScore,
    ReadHeadChannels,
    channels_table,
    score_table,
)


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
        print_warning(warning)
    if args.reading == "features-ov":
        return ReadHeadChannels(question, args.node, args.source), channels_table, engine
    look = ReadAttentionScore(question, args.node, args.source, args.head, args.query, args.key)
    return look, score_table, engine
