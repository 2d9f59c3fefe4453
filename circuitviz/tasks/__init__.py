"""Tasks: what a model is asked, what it should answer, and what it is compared with."""

from __future__ import annotations

import os
from pathlib import Path

from circuitviz.models import Model
from circuitviz.options import build_options, options_to_dict
from circuitviz.tasks.pairs import Answer, Pair, Task, UnusablePairError
from circuitviz.tasks.registry import PairGenerator, tasks
from circuitviz.tasks.task_files import UnusableRowsError, is_task_file, read_task_rows

__all__ = [
    "Answer",
    "PairGenerator",
    "Pair",
    "Task",
    "UnusablePairError",
    "UnusableRowsError",
    "load_task",
    "tasks",
]


def load_task(
    name: str,
    model: Model,
    prompts: int = 64,
    seed: int = 0,
    bos: bool | None = None,
    skip_unusable: bool = False,
    **options: object,
) -> Task:
    """Make a built-in task, or read one from a CSV, JSONL or JSON file, for a model's tokenizer.

    ``prompts`` is how many pairs a built-in task draws, and the most that are taken of a file; a file's
    columns say which metric the task has. ``skip_unusable``: rows of a file that cannot be used are left
    out, and ``options["left_out"]`` of the task counts them by reason.
    Raises InputError on an unknown name, a file that is wrong, or a tokenizer that does not fit, and of
    these UnusableRowsError where only some rows of a file can be used.
    """
    if is_task_file(name) or os.sep in name:
        rows = read_task_rows(name, model.tokens, prompts, bos, skip_unusable)
        made = Task.from_pairs(
            Path(name).stem,
            rows.pairs,
            model.tokens,
            metric=rows.metric,
            seed=seed,
            bos=bos,
            encoded=rows.encoded,
            options={"left_out": dict(rows.left_out)} if rows.left_out else None,
        )
    else:
        entry = tasks.get(name)
        chosen = build_options(entry.options, options)
        pairs = entry.value(model.tokens, prompts, seed, chosen)
        made = Task.from_pairs(
            name,
            pairs,
            model.tokens,
            metric=entry.extra["metric"],
            seed=seed,
            bos=bos,
            options=options_to_dict(chosen),
        )
    return made.to(model.device)
