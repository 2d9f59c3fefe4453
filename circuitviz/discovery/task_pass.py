"""One plain pass over a task's prompts: a few tell how long passes take, all of them what the model does.

1. The first prompts are run, clean and corrupted, more and more of them until they take long enough to be
   measured. What they give is kept.
2. The rest is run once it is needed (``evaluation.check_task``), so that no prompt is run twice.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from circuitviz.discovery.registry import TaskSetting
from circuitviz.metrics import metrics
from circuitviz.models import Model
from circuitviz.models.batching import run_in_batches
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task

HELD_TENSORS = 0.5  # of a plain pass, in tensors [senders, batch, time, d_model]
MIN_MEASURED_TOKENS = 128  # fewer take as long: the weights are read once for all
MEASURED_SECONDS = 0.2  # of a forward pass that is long enough to be measured
MAX_KEPT_PASSES = 8  # of a model


@dataclass(eq=False)
class TaskPass:
    """What a plain pass has given so far; the setting is given to each call, so that it keeps no model.

    Attributes:
        parts: Accuracy and metric on clean and corrupted prompts, float64 [4, prompts], in order.
        seconds_a_prompt: Of one forward pass; None before any was measured.
    """

    parts: list[Tensor] = field(default_factory=list)
    seconds_a_prompt: float | None = None

    @property
    def n_prompts(self) -> int:
        """The prompts that were run."""
        return sum(part.shape[1] for part in self.parts)

    def measure_steps(self, setting: TaskSetting) -> ProgressSteps[float]:
        """Run as many prompts as tell the time; returns the seconds of a forward pass over the clean ones."""
        task = setting.task
        if self.seconds_a_prompt is None:
            setting.model.logits(task.clean[:1], task.lengths[:1] - 1)  # what is only slow the first time
        n_next = max(1, MIN_MEASURED_TOKENS // task.clean.shape[1] // 2)  # of each side
        while self.n_prompts < len(task):
            if self.seconds_a_prompt is not None:
                n_last = self.parts[-1].shape[1]
                if 2 * n_last * self.seconds_a_prompt > MEASURED_SECONDS:
                    break
                n_next = 4 * n_last
            yield from self._run(setting, min(len(task), self.n_prompts + n_next))
        return (self.seconds_a_prompt or 0.0) * len(task)

    def complete_steps(self, setting: TaskSetting) -> ProgressSteps[Tensor]:
        """Run the prompts that are left; returns the values of all, float64 [4, prompts]."""
        while self.n_prompts < len(setting.task):
            yield from self._run(setting, len(setting.task))
        return torch.cat(self.parts, 1)

    def _run(self, setting: TaskSetting, end: int) -> ProgressSteps[None]:
        """Run the prompts up to one."""
        model, task, start = setting.model, setting.task, self.n_prompts

        def run_batch(rows: range) -> ProgressSteps[Tensor]:
            batch = task.subset(range(start + rows.start, start + rows.stop))
            began = time.perf_counter()
            values = _measure_batch(setting, batch)  # waits for the device
            self.seconds_a_prompt = (time.perf_counter() - began) / (2 * len(batch))
            yield Progress(start + rows.stop, len(task), f"{start + rows.stop} of {len(task)} prompts")
            return values

        parts = yield from run_in_batches(model, end - start, task.clean.shape[1], run_batch, HELD_TENSORS)
        if self.n_prompts == start:  # else another job has run them while this one stepped aside
            self.parts += parts


class TaskPasses:
    """The latest passes over tasks, by model; they go with the model."""

    def __init__(self) -> None:
        self._passes: WeakKeyDictionary[Model, OrderedDict[Hashable, TaskPass]] = WeakKeyDictionary()

    def find(self, setting: TaskSetting) -> TaskPass:
        """The pass of a model over these very prompts with this metric; a new one where there is none."""
        passes = self._passes.setdefault(setting.model, OrderedDict())
        key = setting.task.hash, setting.metric
        found = passes[key] = passes.pop(key) if key in passes else TaskPass()
        while len(passes) > MAX_KEPT_PASSES:
            passes.popitem(last=False)
        return found


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
