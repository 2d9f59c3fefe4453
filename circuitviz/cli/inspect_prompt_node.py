"""``circuitviz inspect --reading features-…``: OV and QK between the features of a prompt's circuit."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from circuitviz.cli.open_task_document import read_document
from circuitviz.cli.output import print_warning
from circuitviz.document.origin import PromptOrigin
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
    origin = read_document(args).state.origin
    if not isinstance(origin, PromptOrigin):
        raise InputError(
            f"'{args.circuit}' is no circuit of features of one prompt; one that 'circuitviz local-circuit' "
            "or 'attribute' wrote would be right."
        )
    if args.node is None:
        raise InputError(f"The reading '{args.reading}' is of a node; --node m3.f12@7 would be right.")
    query = replace(origin.query, model=args.model) if args.model else origin.query
    engine = Engine()
    for _reply in open_prompt_session(engine, query, args.device):
        pass
    for warning in engine.prompt_session.warnings:
        print_warning(warning)
    if args.reading == "features-ov":
        return ReadHeadChannels(query, args.node, args.source), channels_table, engine
    look = ReadAttentionScore(query, args.node, args.source, args.head, args.query, args.key)
    return look, score_table, engine
