"""``circuitviz inspect --reading``: the numbers of the window's readings, as CSV or JSON rows."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from circuitviz.app.cli.feature_reading import feature_reading
from circuitviz.app.cli.output import drive, say, show
from circuitviz.app.cli.reopen import Reopened, reopen
from circuitviz.errors import InputError
from circuitviz.formats.cells import csv_text
from circuitviz.graph import Kind
from circuitviz.jobs import AttentionOf, EffectsOf, HeadOf, LensOf, Look, PatchingOf
from circuitviz.jobs.attention import attention_table
from circuitviz.jobs.engine import Engine
from circuitviz.jobs.head import ov_table, qk_table
from circuitviz.jobs.look import Table

OVER_ALL = ("effects", "patching")  # readings that have a mean over prompts


def reading(given: argparse.Namespace) -> int:
    """Print a reading's table; returns the exit code."""
    if given.reading.startswith("features-"):
        look, table, engine = feature_reading(given)
        return _printed(given, table(drive(look.see(engine), look.title)))
    prompt = numbered(given.prompt)
    if prompt is None and given.reading not in OVER_ALL:
        raise InputError(
            f"The reading '{given.reading}' is of one prompt; --prompt 0 would be right. Over all prompts "
            f"there is {' and '.join(OVER_ALL)}."
        )
    opened = reopen(given, say)
    if prompt is not None and not 0 <= prompt < len(opened.task):
        raise InputError(
            f"Prompt {prompt} was asked for; the task has {len(opened.task)}, numbered from 0 to "
            f"{len(opened.task) - 1}."
        )
    engine = Engine()
    engine.model = opened.model
    engine.set_task(opened.task, opened.metric, opened.ablation)
    look, table = _look(given, opened, prompt)
    return _printed(given, table(drive(look.see(engine), look.title)))


def _printed(given: argparse.Namespace, found: Table) -> int:
    """Print a table as CSV, or as rows of JSON."""
    header, *rows = found

    return show(
        given,
        [dict(zip(header, row, strict=True)) for row in rows],
        lambda: csv_text([header, *rows]).rstrip("\n"),
    )


def numbered(text: str) -> int | None:
    """A prompt's number, or None for all."""
    if text == "all":
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"'{text}' is no number of a prompt; 0, 1, … or all would be right.") from None


def _look(
    given: argparse.Namespace, opened: Reopened, prompt: int | None
) -> tuple[Look, Callable[[Any], Table]]:
    """What to ask for, and how its answer becomes a table."""
    if given.reading in OVER_ALL:
        look = EffectsOf(prompt) if given.reading == "effects" else PatchingOf(prompt)
        return look, lambda seen: seen.table()
    assert prompt is not None
    if given.reading == "lens":
        return LensOf(given.node or "", prompt), lambda seen: seen.table()
    node = opened.model.graph.node(given.node) if given.node else None
    if node is None or node.kind is not Kind.HEAD or node.layer is None:
        raise InputError(f"The reading '{given.reading}' is of a head; --node a1.h2 would be right.")
    if given.reading == "attention":
        side, weighted, head = given.side, given.weighted, node.head
        return AttentionOf(node.layer, prompt), lambda seen: attention_table(seen, side, weighted, head)
    return HeadOf(node.name, prompt), ov_table if given.reading == "ov" else qk_table
