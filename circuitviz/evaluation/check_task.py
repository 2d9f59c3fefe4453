"""Whether a model does a task at all: a circuit of a behaviour that is not there is noise."""

from __future__ import annotations

import numpy as np

from circuitviz.discovery import TaskPass, TaskSetting, make_setting
from circuitviz.evaluation.intervals import bootstrap_interval, require_numbers
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import Interval, TaskCheck
from circuitviz.graph.names import display_name
from circuitviz.models import Model
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.tasks import Task


def check_task(model: Model, task: Task, metric: str | None = None) -> TaskCheck:
    """Measure whether a model does a task; arguments and errors are those of ``check_task_steps``."""
    return run_to_completion(check_task_steps(model, task, metric))


def check_task_steps(
    model: Model, task: Task, metric: str | None = None, task_pass: TaskPass | None = None
) -> ProgressSteps[TaskCheck]:
    """Measure whether a model does a task: one plain pass over its clean and its corrupted prompts.

    Args:
        model: The model.
        task: The task.
        metric: Name of a metric; the task's own by default.
        task_pass: A pass over the same prompts with the same metric, which has run some of them already.

    Returns:
        A generator whose result is the check.

    Raises:
        InputError: There is no such metric, or it does not suit the task.
    """
    return _check_setting(make_setting(model, task, metric), task_pass or TaskPass())


@measures.register(
    "task",
    summary="Whether the model does the task at all: accuracy against chance",
    opened=True,
    count_runs=lambda _input, _options: MeasureRuns(2),
)
def measure_task(measure_input: MeasureInput, options: object) -> ProgressSteps[TaskCheck]:
    """Check the task of a circuit's setting."""
    return _check_setting(measure_input.bench.setting, TaskPass())


def _check_setting(setting: TaskSetting, task_pass: TaskPass) -> ProgressSteps[TaskCheck]:
    model, task = setting.model, setting.task
    values = yield from task_pass.complete_steps(setting)
    accuracy, corrupted_accuracy, clean, corrupted = values.numpy()
    require_numbers(setting.metric, np.stack([clean, corrupted]))

    def interval(*values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
        return bootstrap_interval(values, lambda *means: means[0] - sum(means[1:]), task.seed)

    return TaskCheck(
        display_name(model.name),
        task.name,
        setting.metric,
        len(task),
        task.two_sided,
        interval(accuracy),
        interval(corrupted_accuracy),
        _chance(task, model.tokens.vocabulary_size),
        interval(clean),
        interval(corrupted),
        interval(clean, corrupted),
    )


def _chance(task: Task, vocabulary_size: int) -> float:
    """Mean over prompts of the share of correct ones among the answers, or among all tokens."""
    n_correct = (task.correct >= 0).sum(1).double()
    if not task.two_sided:
        return float((n_correct / vocabulary_size).mean())
    return float((n_correct / (n_correct + (task.incorrect >= 0).sum(1))).mean())
