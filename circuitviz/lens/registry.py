"""The registry of readings: each is one file with a function from a model and a prompt to plain data.

A reading is registered with ``@readings.register(name, summary=…, title=…, options=…)``; ``title`` names its
page in the window. With ``needs_node=True`` it is of one node, which the window's selection or ``--node``
names; otherwise it is of the whole prompt. What it returns
(``circuitviz.plots``) is drawn in the window and printed by ``inspect``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from circuitviz.errors import InputError
from circuitviz.lens.direct_logits import select_prompt
from circuitviz.models import Model
from circuitviz.options import build_options
from circuitviz.plots import Plot
from circuitviz.progress import ProgressSteps
from circuitviz.registry import Registry
from circuitviz.tasks import Task


@dataclass(frozen=True, eq=False)
class ReadingInput:
    """What a reading is given.

    Attributes:
        model: The model.
        task: The task; a reading gets it on the model's device.
        prompt: Number of the prompt in the task.
        node: Name of the node that is read; empty where the reading is of the whole prompt.
    """

    model: Model
    task: Task
    prompt: int = 0
    node: str = ""


Reading = Callable[[ReadingInput, Any], ProgressSteps[Plot]]
"""(reading_input, options) → steps; partial results are plots of what is read so far."""

readings: Registry[Reading] = Registry("reading", "circuitviz.lens", "circuitviz.readings")


def reading_steps(name: str, reading_input: ReadingInput, **options: object) -> ProgressSteps[Plot]:
    """Start a reading by name.

    Args:
        name: The reading's name.
        reading_input: The model, the prompt and the node.
        **options: Options of the reading, as text or as values.

    Returns:
        A generator of progress, which returns the plot.

    Raises:
        InputError: A name, an option or the prompt's number is wrong, or no node is named. Raised at once.
    """
    entry = readings.get(name)
    select_prompt(reading_input.task, reading_input.prompt)
    if entry.extra.get("needs_node"):
        if not reading_input.node:
            raise InputError(
                f"The reading '{name}' is of a node, and none is named; --node a1.h2 would be right."
            )
        reading_input.model.graph.node(reading_input.node)
    moved = replace(reading_input, task=reading_input.task.to(reading_input.model.device))
    return entry.value(moved, build_options(entry.options, options))
