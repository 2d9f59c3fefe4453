"""``circuitviz inspect --reading features-…``: OV and QK between the features of a prompt's circuit."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from circuitviz.app.cli.output import say
from circuitviz.app.cli.reopen import read
from circuitviz.errors import InputError
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.feature_heads import ChannelsOf, ScoreOf, channels_table, score_table
from circuitviz.jobs.look import Look, Table
from circuitviz.jobs.prompted import prompted
from circuitviz.session.question import Question


def feature_reading(given: argparse.Namespace) -> tuple[Look, Callable[[Any], Table], Engine]:
    """What to ask for, how its answer becomes a table, and an engine with the file's prompt open."""
    question = Question.of(read(given).state.provenance)
    if question is None:
        raise InputError(
            f"'{given.circuit}' is no circuit of features of one prompt; one that 'circuitviz local-circuit' "
            "or 'attribute' wrote would be right."
        )
    if given.node is None:
        raise InputError(f"The reading '{given.reading}' is of a node; --node m3.f12@7 would be right.")
    if given.model:
        question = replace(question, model=given.model)
    engine = Engine()
    for _reply in prompted(engine, question, given.device):
        pass
    for warning in engine.prompted.warnings:
        say(f"circuitviz: {warning}")
    if given.reading == "features-ov":
        return ChannelsOf(question, given.node, given.source), channels_table, engine
    look = ScoreOf(question, given.node, given.source, given.head, given.query, given.key)
    return look, score_table, engine
