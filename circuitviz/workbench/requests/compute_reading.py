"""A registered reading (``circuitviz.lens.registry``) of the prompt and node that the window shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz import lens
from circuitviz.options import Option
from circuitviz.plots import Plot
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ReadingChoice:
    """What a page of a registered reading is made from.

    Attributes:
        title: What the page is called.
        summary: One line about it.
        needs_node: Whether a node has to be selected.
        options: The reading's options.
    """

    title: str
    summary: str
    needs_node: bool
    options: tuple[Option, ...]


@dataclass(frozen=True)
class ComputeReading(Query):
    """``node`` is empty where the reading is of the whole prompt."""

    title = "Could not compute the reading"
    activity = "Reading the prompt"
    priority = Priority.READING

    reading: str
    node: str
    prompt: int
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slot(self) -> object:
        """Each reading is a question of its own."""
        return type(self), self.reading

    def compute_steps(self, engine: Engine) -> ProgressSteps[Plot]:
        """The steps of the registered function."""
        reading_input = lens.ReadingInput(engine.model, engine.task, self.prompt, self.node)
        return lens.reading_steps(self.reading, reading_input, **self.options)
