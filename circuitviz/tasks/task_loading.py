"""A task by its name, or from a file."""

from __future__ import annotations

import os
from pathlib import Path

from circuitviz.models import Model
from circuitviz.options import NoOptions, build_options, options_to_dict
from circuitviz.tasks.pairs import Task
from circuitviz.tasks.prompt_sets import find_prompt_set
from circuitviz.tasks.registry import tasks
from circuitviz.tasks.task_files import is_task_file, read_task_rows
from circuitviz.tasks.template_tasks import TemplateOptions, load_template, make_template_pairs

TEMPLATE_SUFFIX = ".toml"


def task_options_class(name: str) -> type:
    """The options of a built-in task or of a template's file; other files and unknown names have none."""
    if name.lower().endswith(TEMPLATE_SUFFIX):
        return TemplateOptions
    return tasks.get(name).options if name in tasks.names() else NoOptions


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

    Args:
        name: Name of a built-in task or of a set of own prompts, or path of a file: CSV, JSONL, JSON or TOML.
        model: The model whose tokenizer encodes the prompts.
        prompts: How many pairs a built-in task draws, and the most that are read from a file.
        seed: Seed of a built-in task's draws.
        bos: False to leave out the beginning-of-sequence token.
        skip_unusable: Leave out rows of a file that cannot be used; ``options["left_out"]`` of the task
            counts them by reason.
        **options: Options of the built-in task.

    Raises:
        UnusableRowsError: Only some rows of a file can be used.
        InputError: There is no such task, the file is wrong, or the tokenizer does not fit.
    """
    if name.lower().endswith(TEMPLATE_SUFFIX):
        template = load_template(Path(name).expanduser())
        drawn = make_template_pairs(
            template, model.tokens, prompts, seed, build_options(TemplateOptions, options)
        )
        return Task.from_pairs(
            template.name, drawn, model.tokens, metric=template.metric, seed=seed, bos=bos, options=options
        ).to(model.device)
    is_file = is_task_file(name) or os.sep in name
    file = Path(name) if is_file else find_prompt_set(name) if name not in tasks.names() else None
    if file is not None:
        rows = read_task_rows(str(file), model.tokens, prompts, bos, skip_unusable)
        task = Task.from_pairs(
            file.stem,
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
        task_options = build_options(entry.options, options)
        pairs = entry.value(model.tokens, prompts, seed, task_options)
        task = Task.from_pairs(
            name,
            pairs,
            model.tokens,
            metric=entry.extra["metric"],
            seed=seed,
            bos=bos,
            options=options_to_dict(task_options),
        )
    return task.to(model.device)
