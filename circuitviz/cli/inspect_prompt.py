"""``circuitviz inspect --reading``: the numbers of the window's readings, as CSV or JSON rows."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from circuitviz import formats, workbench
from circuitviz.cli.available import BUILT_IN_READINGS
from circuitviz.cli.flags import options_from_flags
from circuitviz.cli.inspect_prompt_node import prepare_prompt_reading
from circuitviz.cli.open_task_document import open_task_document
from circuitviz.cli.output import print_result, run_with_progress_bar
from circuitviz.errors import InputError
from circuitviz.graph import Graph, NodeKind
from circuitviz.plots import TableRows
from circuitviz.workbench import requests

AVERAGED_READINGS = ("effects", "patching")  # readings that have a mean over prompts


def print_reading(args: argparse.Namespace) -> int:
    """Print a reading's table; returns the exit code."""
    if args.reading.startswith("features-"):
        look, table, engine = prepare_prompt_reading(args)
        return _print_table(args, table(run_with_progress_bar(look.compute_steps(engine), look.activity)))
    prompt = parse_prompt_number(args.prompt)
    if prompt is None and args.reading not in AVERAGED_READINGS:
        raise InputError(
            f"The reading '{args.reading}' is of one prompt; --prompt 0 would be right. Over all prompts "
            f"there is {' and '.join(AVERAGED_READINGS)}."
        )
    _, experiment = open_task_document(args)
    task = experiment.task
    if prompt is not None and not 0 <= prompt < len(task):
        raise InputError(
            f"Prompt {prompt} was asked for; the task has {len(task)}, numbered from 0 to {len(task) - 1}."
        )
    engine = workbench.Engine()
    engine.model = experiment.model
    engine.set_experiment(experiment)
    look, table = _query_and_table(args, experiment.model.graph, prompt)
    return _print_table(args, table(run_with_progress_bar(look.compute_steps(engine), look.activity)))


def _print_table(args: argparse.Namespace, csv_table: TableRows) -> int:
    """Print a table as CSV, or as rows of JSON."""
    header, *rows = csv_table

    return print_result(
        args,
        [dict(zip(header, row, strict=True)) for row in rows],
        lambda: formats.format_csv([header, *rows]).rstrip("\n"),
    )


def parse_prompt_number(text: str) -> int | None:
    """A prompt's number, or None for all."""
    if text == "all":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"'{text}' is no number of a prompt; 0, 1, … or all would be right.") from None


def _query_and_table(
    args: argparse.Namespace, graph: Graph, prompt: int | None
) -> tuple[requests.Query, Callable[[Any], TableRows]]:
    """What to ask for, and how its answer becomes a table."""
    if args.reading in AVERAGED_READINGS:
        is_effects = args.reading == "effects"
        look = requests.ReadDirectEffects(prompt) if is_effects else requests.ReadPatchingMap(prompt)
        return look, lambda seen: seen.table()
    assert prompt is not None
    if args.reading not in BUILT_IN_READINGS:
        options = options_from_flags(args, f"reading_{args.reading}_")
        reading = requests.ComputeReading(args.reading, args.node or "", prompt, options)
        return reading, lambda plot: plot.table()
    if args.reading == "lens":
        return requests.ReadLogitLens(args.node or "", prompt), lambda seen: seen.table()
    node = graph.node(args.node) if args.node else None
    if node is None or node.kind is not NodeKind.HEAD or node.layer is None:
        raise InputError(f"The reading '{args.reading}' is of a head; --node a1.h2 would be right.")
    if args.reading == "attention":
        side, weighted, head = args.side, args.weighted, node.head
        attention = requests.ReadAttention(node.layer, prompt)
        return attention, lambda seen: requests.attention_table(seen, side, weighted, head)
    table = requests.ov_table if args.reading == "ov" else requests.qk_table
    return requests.ReadHead(node.name, prompt), table
