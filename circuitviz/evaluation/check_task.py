"""Whether a model does a task at all: a circuit of a behaviour that is not there is noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery import TaskSetting, make_setting
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.graph import Interval, TaskCheck
from circuitviz.graph.names import display_name
from circuitviz.metrics import metrics
from circuitviz.models import Model
from circuitviz.models.batching import run_in_batches
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.tasks import Task

HELD_TENSORS = 0.5  # of a plain pass, in tensors [senders, batch, time, d_model]


def check_task(model: Model, task: Task, metric: str | None = None) -> TaskCheck:
    """Measure whether a model does a task; arguments and errors are those of ``check_task_steps``."""
    return run_to_completion(check_task_steps(model, task, metric))


def check_task_steps(model: Model, task: Task, metric: str | None = None) -> ProgressSteps[TaskCheck]:
    """Measure whether a model does a task: one plain pass over its clean and its corrupted prompts.

    Args:
        model: The model.
        task: The task.
        metric: Name of a metric; the task's own by default.

    Returns:
        A generator whose result is the check.

    Raises:
        InputError: There is no such metric, or it does not suit the task.
    """
    return _check_setting(make_setting(model, task, metric))


def _check_setting(setting: TaskSetting) -> ProgressSteps[TaskCheck]:
    model, task = setting.model, setting.task
    n_prompts = len(task)

    def work(rows: range) -> ProgressSteps[Tensor]:
        batch = task.subset(rows)
        values = _measure_batch(setting, batch)
        yield Progress(rows.stop, n_prompts, f"{rows.stop} of {n_prompts} prompts")
        return values

    parts = yield from run_in_batches(model, n_prompts, task.clean.shape[1], work, HELD_TENSORS)
    accuracy, corrupted_accuracy, clean, corrupted = torch.cat(parts, 1).numpy()

    def interval(*values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Interval:
        return bootstrap_interval(values, lambda *means: means[0] - sum(means[1:]), task.seed)

    return TaskCheck(
        display_name(model.name),
        task.name,
        setting.metric,
        n_prompts,
        task.two_sided,
        interval(accuracy),
        interval(corrupted_accuracy),
        _chance(task, model.tokens.vocabulary_size),
        interval(clean),
        interval(corrupted),
        interval(clean, corrupted),
    )


@torch.no_grad()
def _measure_batch(setting: TaskSetting, batch: Task) -> Tensor:
    """Accuracy and metric on clean and corrupted prompts, float64 [4, batch]."""
    positions = batch.lengths - 1
    clean, corrupted = (setting.model.logits(tokens, positions) for tokens in (batch.clean, batch.corrupted))
    is_two_sided = setting.task.two_sided
    rows = [_accuracy(logits, batch, is_two_sided) for logits in (clean, corrupted)]
    rows += [setting.compute_metric(logits, batch, clean) for logits in (clean, corrupted)]
    return torch.stack([row.float() for row in rows]).cpu().double()


def _accuracy(logits: Tensor, batch: Task, is_two_sided: bool) -> Tensor:
    """1 where the best correct answer is above every incorrect one, or, without any, every other token."""
    if is_two_sided:
        return metrics.get("accuracy").value(logits, batch.correct, batch.incorrect, None)
    return (logits.argmax(1)[:, None] == batch.correct).any(1).to(logits.dtype)


def _chance(task: Task, vocabulary_size: int) -> float:
    """Mean over prompts of the share of correct ones among the answers, or among all tokens."""
    n_correct = (task.correct >= 0).sum(1).double()
    if not task.two_sided:
        return float((n_correct / vocabulary_size).mean())
    return float((n_correct / (n_correct + (task.incorrect >= 0).sum(1))).mean())
