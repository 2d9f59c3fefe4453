"""The registry of discovery methods: a method is a generator from model and task to scores of all edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery.optimal_ablation import learn_missing_constants_steps
from circuitviz.errors import InputError
from circuitviz.graph import Graph, Scores
from circuitviz.graph.spans import PromptSpans
from circuitviz.metrics import metrics
from circuitviz.models import Activations, Model, PatchedRun, check_ablation
from circuitviz.options import build_options, options_to_dict
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.registry import Registry, RegistryEntry
from circuitviz.tasks import Task


@dataclass(frozen=True)
class TaskSetting:
    """What scores and evaluations are computed for.

    Attributes:
        model: The model.
        task: The task.
        metric: Name of the metric.
        ablation: Name of the ablation.
        spans: Spans by which edges are told apart; None where they are summed over positions.
    """

    model: Model
    task: Task
    metric: str
    ablation: str
    spans: PromptSpans | None = None

    @property
    def graph(self) -> Graph:
        """The graph of the edges: the model's, or its components at each span."""
        return self.model.graph if self.spans is None else self.model.graph.with_spans(self.spans)

    def make_run(self, batch: Task, ablated: Activations, allow_interventions: bool = False) -> PatchedRun:
        """Forward passes of a batch with edges of ``graph`` ablated.

        Args:
            batch: A part of the task.
            ablated: Ablation values of all senders on it.
            allow_interventions: Whether nodes may be replaced.
        """
        indices = None if self.spans is None else batch.span_indices(self.spans)
        at = batch.lengths - 1
        return PatchedRun(self.model, batch.clean, at, ablated, allow_interventions, self.graph, indices)

    def make_scores(self, values: Tensor, method: str, partial: bool = False) -> Scores:
        """Scores of the edges of ``graph``.

        Args:
            values: Scores [senders, receivers] of the model, or [spans, senders, receivers].
            method: Name of the method that made them.
            partial: Whether they are not complete.
        """
        matrix = values.cpu().numpy()
        if self.spans is not None:
            matrix = self.graph.join_spans(np.moveaxis(matrix, 0, 2))
        return Scores(self.graph, matrix, method, partial=partial)

    def compute_metric(self, logits: Tensor, batch: Task, reference: Tensor | None = None) -> Tensor:
        """The metric of each prompt of a batch.

        Args:
            logits: [batch, vocabulary].
            batch: A part of the task.
            reference: The clean model's logits [batch, vocabulary], which ``kl`` needs.

        Returns:
            [batch].
        """
        return metrics.get(self.metric).value(logits, batch.correct, batch.incorrect, reference)

    def compute_metric_of_copies(
        self, logits: Tensor, batch: Task, reference: Tensor | None = None
    ) -> Tensor:
        """The metric of each prompt in each of several runs of a batch.

        Args:
            logits: [copies · batch, vocabulary], the copies one after another.
            batch: A part of the task.
            reference: The clean model's logits [batch, vocabulary], which ``kl`` needs.

        Returns:
            Float64 [copies, batch].
        """
        copies = logits.view(-1, len(batch), logits.shape[-1])
        return torch.stack([self.compute_metric(copy, batch, reference).double() for copy in copies])


DiscoveryMethod = Callable[[TaskSetting, Any], ProgressSteps[Scores]]
"""(setting, options) → steps; registered with ``smooth=True`` where it needs a gradient, with ``at_clean``, a
function that says of options whether all gradients are those at the clean prompts, with ``by_span=True``
where it scores edges by span, with ``is_trained=True`` where partial results are rankings of all edges that
get better step by step, with ``check``, a function (setting, options) that raises InputError where the method
would, and with ``select`` where a circuit is best chosen otherwise than greedily from its
scores."""

methods: Registry[DiscoveryMethod] = Registry("method", "circuitviz.discovery", "circuitviz.methods")


def make_setting(
    model: Model,
    task: Task,
    metric: str | None = None,
    ablation: str = "corrupted",
    by_span: bool | PromptSpans = False,
) -> TaskSetting:
    """A setting whose metric and ablation exist and suit the task, with the task on the model's device.

    Args:
        model: The model.
        task: The task, on any device.
        metric: Name of the metric; the task's own by default.
        ablation: Name of the ablation.
        by_span: Whether edges are told apart by the task's spans, or by those of a task that this one is a
            part of.

    Raises:
        InputError: There is no such metric or ablation, the metric does not suit the task, or there are too
            many spans.
    """
    name = metric or task.metric
    entry = metrics.get(name)
    if entry.extra.get("two_sided") and not task.two_sided:
        raise InputError(
            f"The metric '{name}' compares correct with incorrect answers, but the task "
            f"'{task.name}' has prompts without incorrect ones; log-prob or kl would be right."
        )
    spans = task.spans if by_span is True else by_span or None
    setting = TaskSetting(model, task.to(model.device), name, check_ablation(ablation), spans)
    _ = setting.graph  # there may be too many spans
    return setting


def default_selection(method: str) -> str:
    """How a circuit is chosen from a method's scores by default: one of ``SELECTIONS``."""
    return str(methods.get(method).extra.get("select", "greedy"))


def is_trained(method: str) -> bool:
    """Whether a method trains a ranking of all edges, whose partial results get better step by step."""
    return bool(methods.get(method).extra.get("is_trained"))


def methods_by_span() -> list[str]:
    """Names of the methods that score edges by span."""
    return [entry.name for entry in methods.entries() if _scores_by_span(entry)]


def _scores_by_span(entry: RegistryEntry[DiscoveryMethod]) -> bool:
    """Whether a method scores edges by span, as all do that take gradients at receivers."""
    return "points" in entry.extra or bool(entry.extra.get("by_span"))


def discover_steps(
    model: Model,
    task: Task,
    method: str,
    metric: str | None = None,
    ablation: str = "corrupted",
    by_span: bool | PromptSpans = False,
    **options: object,
) -> ProgressSteps[Scores]:
    """Start a discovery method; drive the generator with ``for`` or with ``run_to_completion``.

    Args:
        model: The model.
        task: The task.
        method: Name of the method.
        metric: Name of the metric; the task's own by default.
        ablation: Name of the ablation.
        by_span: Whether each edge is scored at each of the task's spans, or at given ones, instead of as a
            sum over positions.
        **options: Options of the method.

    Returns:
        A generator of progress, whose partial results are scores so far, and which returns scores of all
        edges.

    Raises:
        InputError: A name, an option or their combination is wrong; raised at once.
    """
    entry = methods.get(method)
    method_options = build_options(entry.options, options)
    setting = make_setting(model, task, metric, ablation, by_span)
    check_method(setting, method, method_options)
    steps = _learn_constants_before(setting, entry.value(setting, method_options))
    return _label_scores(steps, method, options_to_dict(method_options))


def check_method(setting: TaskSetting, method: str, options: Any) -> None:
    """Check that a method suits a setting, before a search or its estimate.

    Args:
        setting: The setting of the search.
        method: Name of the method.
        options: Its options.

    Raises:
        InputError: It does not score edges by span, the metric has no gradient where the method takes it, or
            the method's own check refuses the model or the options.
    """
    entry = methods.get(method)
    if setting.spans is not None and not _scores_by_span(entry):
        raise InputError(
            f"The method '{method}' does not score edges by span; {', '.join(methods_by_span())} do."
        )
    _check_gradient(entry, options, setting.metric)
    if "rules" in entry.extra:
        entry.extra["rules"](options).check(setting.model, method)
    check: Callable[[TaskSetting, Any], object] | None = entry.extra.get("check")
    if check is not None:
        check(setting, options)


def _check_gradient(entry: RegistryEntry[DiscoveryMethod], options: Any, metric: str) -> None:
    """InputError where a method needs a gradient that a metric does not have where the method takes it."""
    features = metrics.get(metric).extra
    if entry.extra.get("smooth") and not features.get("smooth", True):
        raise InputError(
            f"The method '{entry.name}' needs a gradient, and the metric '{metric}' has none; "
            "logit-diff or prob-diff would be right."
        )
    at_clean: Callable[[Any], bool] | None = entry.extra.get("at_clean")
    if at_clean is not None and at_clean(options) and features.get("reference_logits"):
        raise InputError(
            f"The method '{entry.name}' has no gradient of '{metric}' at the clean prompts, where it is at "
            "its best: scores would be rounding errors. logit-diff or prob-diff would be right, or eap-ig, "
            "whose gradients are taken elsewhere."
        )


def _learn_constants_before(setting: TaskSetting, steps: ProgressSteps[Scores]) -> ProgressSteps[Scores]:
    """The same steps; before them, constants are learned where they are needed and missing, with progress."""
    yield from learn_missing_constants_steps(setting.model, setting.task, setting.ablation)
    return (yield from steps)


def discover(
    model: Model,
    task: Task,
    method: str,
    metric: str | None = None,
    ablation: str = "corrupted",
    by_span: bool | PromptSpans = False,
    **options: object,
) -> Scores:
    """Score every edge of a model on a task with a method.

    Args:
        model: The model.
        task: The task.
        method: Name of the method.
        metric: Name of the metric; the task's own by default.
        ablation: Name of the ablation.
        by_span: Whether each edge is scored at each of the task's spans, or at given ones, instead of as a
            sum over positions.
        **options: Options of the method.

    Raises:
        InputError: A name, an option or their combination is wrong.
    """
    return run_to_completion(discover_steps(model, task, method, metric, ablation, by_span, **options))


def _label_scores(
    steps: ProgressSteps[Scores], method: str, options: dict[str, Any]
) -> ProgressSteps[Scores]:
    scores = yield from steps
    if not np.isfinite(scores.values).all():
        raise InputError(
            f"The scores of '{method}' hold values that are not numbers (NaN or infinity): the "
            "model's own activations do so on this task; check its weights."
        )
    return replace(scores, method=method, options=options)
