"""Tasks: what a model is asked, what it should answer, and what it is compared with."""

from __future__ import annotations

import os
from pathlib import Path

from circuitviz.models import Model
from circuitviz.options import as_dict, build
from circuitviz.tasks.files import is_task_file, read_pairs
from circuitviz.tasks.pairs import Pair, Task
from circuitviz.tasks.registry import MakePairs, tasks

__all__ = ["MakePairs", "Pair", "Task", "load_task", "tasks"]


def load_task(
    name: str,
    model: Model,
    prompts: int = 64,
    seed: int = 0,
    bos: bool | None = None,
    **options: object,
) -> Task:
    """Make a built-in task, or read one from a CSV or JSONL file, for a model's tokenizer.

    ``prompts`` is how many pairs a built-in task draws, and the most that are taken of a file.
    Raises InputError on an unknown name, a file that is wrong, or a tokenizer that does not fit.
    """
    if is_task_file(name) or os.sep in name:
        pairs, places = read_pairs(name, model.tokens)
        made = Task.from_pairs(
            Path(name).stem, pairs[:prompts], model.tokens, seed=seed, bos=bos, where=places
        )
    else:
        entry = tasks.get(name)
        chosen = build(entry.options, options)
        pairs = entry.value(model.tokens, prompts, seed, chosen)
        made = Task.from_pairs(
            name,
            pairs,
            model.tokens,
            metric=entry.extra["metric"],
            seed=seed,
            bos=bos,
            options=as_dict(chosen),
        )
    return made.to(model.device)
