"""A discovery method is a generator from a model and a task to scores of all edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import Scores
from circuitviz.metrics import metrics
from circuitviz.models import Model, check_ablation
from circuitviz.options import build_options, options_to_dict
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.registry import Registry
from circuitviz.tasks import Task


@dataclass(frozen=True)
class TaskSetting:
    """What a method computes scores for: the model, the task, the metric and the ablation."""

    model: Model
    task: Task
    metric: str
    ablation: str

    @property
    def needs_reference(self) -> bool:
        """Whether the metric compares with the clean model's logits."""
        return bool(metrics.get(self.metric).extra.get("reference_logits"))

    def compute_metric(self, logits: Tensor, batch: Task, reference: Tensor | None = None) -> Tensor:
        """The metric of each prompt of a part of the task, [batch]."""
        return metrics.get(self.metric).value(logits, batch.correct, batch.incorrect, reference)

    def compute_metric_of_copies(
        self, logits: Tensor, batch: Task, reference: Tensor | None = None
    ) -> Tensor:
        """The metric of each prompt in each of several runs of a part, float64 [copies, batch].

        logits: [copies · batch, vocabulary], the copies one after another.
        """
        copies = logits.view(-1, len(batch), logits.shape[-1])
        return torch.stack([self.compute_metric(each, batch, reference).double() for each in copies])


DiscoveryMethod = Callable[[TaskSetting, Any], ProgressSteps[Scores]]
"""(setting, options) → steps; registered with ``smooth=True`` where it needs a gradient, and with
``select`` where a circuit is best chosen otherwise than greedily from its scores."""

methods: Registry[DiscoveryMethod] = Registry("method", "circuitviz.discovery", "circuitviz.methods")


def make_setting(
    model: Model, task: Task, metric: str | None = None, ablation: str = "corrupted"
) -> TaskSetting:
    """Check that metric and ablation exist and suit the task; the task's own metric by default."""
    name = metric or task.metric
    entry = metrics.get(name)
    if entry.extra.get("two_sided") and not task.two_sided:
        raise InputError(
            f"The metric '{name}' compares correct with incorrect answers, but the task "
            f"'{task.name}' has prompts without incorrect ones; log-prob or kl would be right."
        )
    return TaskSetting(model, task, name, check_ablation(ablation))


def default_selection(method: str) -> str:
    """How a circuit is chosen from a method's scores where nobody says otherwise."""
    return str(methods.get(method).extra.get("select", "greedy"))


def discover_steps(
    model: Model,
    task: Task,
    method: str,
    metric: str | None = None,
    ablation: str = "corrupted",
    **options: object,
) -> ProgressSteps[Scores]:
    """Start a method; drive it with ``for``, or with ``finish`` for its result.

    Raises InputError at once on a name, option or combination that is wrong.
    """
    entry = methods.get(method)
    chosen = build_options(entry.options, options)
    where = make_setting(model, task, metric, ablation)
    if entry.extra.get("smooth") and not metrics.get(where.metric).extra.get("smooth", True):
        raise InputError(
            f"The method '{method}' needs a gradient, and the metric '{where.metric}' has none; "
            "logit-diff or prob-diff would be right."
        )
    return _label_scores(entry.value(where, chosen), method, options_to_dict(chosen))


def discover(
    model: Model,
    task: Task,
    method: str,
    metric: str | None = None,
    ablation: str = "corrupted",
    **options: object,
) -> Scores:
    """Score every edge of a model on a task with a method, from start to end."""
    return run_to_completion(discover_steps(model, task, method, metric, ablation, **options))


def _label_scores(
    steps: ProgressSteps[Scores], method: str, options: dict[str, Any]
) -> ProgressSteps[Scores]:
    scores = yield from steps
    if not torch.isfinite(torch.from_numpy(scores.values)).all():
        raise InputError(
            f"The scores of '{method}' hold values that are not numbers (NaN or infinity): the "
            "model's own activations do so on this task; check its weights."
        )
    return replace(scores, method=method, options=options)
