"""Own prompts while they are being written: what a model makes of them, and whether it does their task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from circuitviz import discovery, evaluation, tasks
from circuitviz.errors import InputError
from circuitviz.graph import TaskCheck
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import (
    RowInspection,
    inspect_row,
    make_pair,
    measure_rows,
)
from circuitviz.workbench.requests.messages import Reply, Request, report_progress
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz import models
    from circuitviz.workbench.engine import Engine

TOKENIZED_ROWS = 200  # between two moments at which a newer request can take over
BATCH_ROWS = 8  # rows whose probabilities come together, after those of the row in front


@dataclass(frozen=True)
class PromptsModel:
    """The model that own prompts are read with: name, device and precision as the search form has them."""

    name: str
    device: str
    dtype: str

    def find(self, engine: Engine) -> models.Model | None:
        """The model where it is open."""
        return engine.find_model(self.name, self.device, self.dtype)

    def require(self, engine: Engine) -> models.Model:
        """The model; InputError where it is not open."""
        model = self.find(engine)
        if model is None:
            raise InputError(f"The model '{self.name}' is not open; open it first.")
        return model


@dataclass(frozen=True)
class PromptsInspected(Reply):
    """Rows as the model sees them, as far as they were read; none where the model is not open."""

    model: PromptsModel
    is_model_open: bool
    inspections: dict[PromptRow, RowInspection] = field(default_factory=dict)
    done: bool = True


@dataclass(frozen=True)
class InspectPrompts(Request):
    """Tokenise rows, check their answers, and read the model's probabilities; the first row comes first.

    ``n_measured``: of so many rows the model is asked, as searches wait meanwhile; None: of all.
    """

    title = "Could not read the prompts"
    priority = Priority.INSPECT_PROMPTS

    model: PromptsModel
    rows: tuple[PromptRow, ...]
    n_measured: int | None = None

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """More and more rows' tokens, the probabilities of the first row, then those of the others."""
        model = self.model.find(engine)
        if model is None:
            yield PromptsInspected(self.model, False)
            return
        inspections: dict[PromptRow, RowInspection] = {}
        for start in range(0, len(self.rows), TOKENIZED_ROWS):
            chunk = self.rows[start : start + TOKENIZED_ROWS]
            inspections |= {row: inspect_row(row, model.tokens) for row in chunk}
            yield PromptsInspected(self.model, True, dict(inspections), done=False)
        asked = self.rows[: self.n_measured]
        for start in (0, *range(1, len(asked), BATCH_ROWS)):
            batch = asked[start : start + BATCH_ROWS] if start else asked[:1]
            measured = measure_rows([inspections[row] for row in batch], model)
            inspections |= {one.row: one for one in measured}
            yield PromptsInspected(self.model, True, {one.row: one for one in measured}, done=False)
        yield PromptsInspected(self.model, True, inspections)


@dataclass(frozen=True)
class PromptsModelOpened(Reply):
    """The model of own prompts is open."""

    model: PromptsModel


@dataclass(frozen=True)
class OpenPromptsModel(Request):
    """Open the model of own prompts, beside that of the open circuit where that is another."""

    title = "Could not open the model"
    priority = Priority.OPEN_PROMPTS_MODEL

    model: PromptsModel

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply, once the model is open."""
        yield from engine.open_prompts_model(self.model.name, self.model.device, self.model.dtype)
        yield PromptsModelOpened(self.model)


@dataclass(frozen=True)
class PromptsChecked(Reply):
    """Whether the model does the task of own prompts; ``n_left_out`` rows cannot be used."""

    check: TaskCheck
    n_left_out: int


@dataclass(frozen=True)
class CheckPrompts(Request):
    """Measure accuracy and metric of own prompts, as before a search."""

    title = "Could not check the task"
    priority = Priority.INSPECT_PROMPTS

    model: PromptsModel
    name: str
    rows: tuple[PromptRow, ...]

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply; InputError where no row can be used."""
        model = self.model.require(engine)
        usable = [row for row in self.rows if not inspect_row(row, model.tokens).problem]
        if not usable:
            raise InputError("None of the pairs can be used; the table says of each what is wrong.")
        metric = "logit-diff" if all(row.incorrect for row in usable) else "log-prob"
        pairs = [make_pair(row) for row in usable]
        task = tasks.Task.from_pairs(self.name, pairs, model.tokens, metric).to(model.device)
        task_pass = engine.shared.task_passes.find(discovery.make_setting(model, task))
        steps = evaluation.check_task_steps(model, task, task_pass=task_pass)
        check = yield from report_progress("Checking the task", steps)
        yield PromptsChecked(check, len(self.rows) - len(usable))
