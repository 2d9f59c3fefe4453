"""Faithfulness: the share of a model's behaviour that a circuit keeps with everything outside ablated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import TaskSetting, ablation_values
from circuitviz.discovery.batch_ablation_values import AblationValues
from circuitviz.discovery.optimal_ablation import learn_missing_constants_steps
from circuitviz.evaluation.intervals import bootstrap_interval, require_numbers
from circuitviz.graph import BoolMatrix, Circuit, Evaluation, Interventions
from circuitviz.graph.interventions import check_task_interventions
from circuitviz.models import PatchedRun, record_activations
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.batching import is_out_of_memory, split_batches
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task

SENDER_OUTPUT_COPIES = 2.0  # sender outputs of a run, and of what it restarts from
MAX_CACHED_RUNS = 3  # each takes at most one batch's memory
MIN_RELATIVE_SPAN = 1e-6  # below this share of the metric's size, L(M) and L(∅) do not differ


def compute_faithfulness(circuit: Any, model: Any, ablated: Any) -> Any:
    """Return (L(C) − L(∅)) / (L(M) − L(∅)), elementwise.

    Args:
        circuit: Metric L of the circuit, a number or an array.
        model: Metric of the full model.
        ablated: Metric with everything ablated.

    Returns:
        The ratio; NaN where the model and the ablated model do not differ by more than a millionth of their
        size.

    Source: [hanna2024faithfulness].
    """
    span = np.asarray(model - ablated, dtype=float)
    size = np.maximum(np.abs(model), np.abs(ablated))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(circuit - ablated, dtype=float) / span
    return np.where(np.abs(span) <= MIN_RELATIVE_SPAN * np.maximum(size, 1e-12), np.nan, value)


class FaithfulnessBench:
    """A setting with its clean and fully ablated runs made once, on which any circuit is measured.

    The runs of the first batches are cached, so that a small change of the circuit restarts in the middle of
    the model; larger tasks run the remaining batches anew, because cached runs take memory.
    """

    def __init__(self, setting: TaskSetting, allow_interventions: bool = False) -> None:
        self.setting, self.allow_interventions = setting, allow_interventions
        self._other_ablation_values: dict[str, AblationValues] = {}
        task = setting.task
        self._batch_rows = list(
            split_batches(setting.model, len(task), task.clean.shape[1], SENDER_OUTPUT_COPIES)
        )
        self._ablation_values = ablation_values(setting.model, task, setting.ablation)
        self._cached_runs: dict[range, tuple[Task, Any, Tensor]] = {}
        self._clean_metric: NDArray[np.float64] | None = None
        self._ablated_metric: NDArray[np.float64] | None = None

    def with_setting(self, setting: TaskSetting) -> FaithfulnessBench:
        """Return a bench of the same kind in another setting, for circuits of the same graph."""
        return FaithfulnessBench(replace(setting, spans=self.setting.spans))

    def prepare(self) -> ProgressSteps[None]:
        """Measure the full and the fully ablated model, once; yields after each batch."""
        if self._clean_metric is not None:
            return
        setting = self.setting
        yield from learn_missing_constants_steps(setting.model, setting.task, setting.ablation)
        graph = setting.graph
        clean, ablated = yield from self._map_batches(
            lambda part, run, reference: [
                self._metric_of_edges(run, part, reference, edges)
                for edges in (graph.mask, np.zeros_like(graph.mask))
            ],
            "full and ablated model",
        )
        self._clean_metric, self._ablated_metric = clean, ablated

    def batch_runs(self) -> Iterator[tuple[Task, PatchedRun, Tensor]]:
        """Iterate over batches: part of the task, its run, the clean model's logits [batch, vocabulary]."""
        for rows in self._batch_rows:
            yield self._batch_run(rows)

    def _batch_run(self, rows: range) -> tuple[Task, PatchedRun, Tensor]:
        if rows not in self._cached_runs:
            model, batch = self.setting.model, self.setting.task.subset(rows)
            clean = record_activations(model, batch.clean, batch.lengths - 1)
            assert clean.logits is not None
            run = self.setting.make_run(batch, self._ablation_values(batch), self.allow_interventions)
            if len(self._cached_runs) >= MAX_CACHED_RUNS:
                return batch, run, clean.logits
            self._cached_runs[rows] = (batch, run, clean.logits)
        return self._cached_runs[rows]

    def _map_batches(
        self, measure_batch: Callable[[Task, PatchedRun, Tensor], list[NDArray[np.float64]]], message: str
    ) -> ProgressSteps[list[NDArray[np.float64]]]:
        """Measure every batch and join the numbers; where memory runs out, batches are halved."""
        results, batch_index, n_prompts = [], 0, len(self.setting.task)
        while batch_index < len(self._batch_rows):
            rows = self._batch_rows[batch_index]
            try:
                results.append(measure_batch(*self._batch_run(rows)))
            except (MemoryError, RuntimeError) as error:
                if len(rows) == 1 or not is_out_of_memory(error):
                    raise
                self._cached_runs.clear()
                size = max(1, len(rows) // 2)
                self.setting.model.max_batch_prompts = size
                remaining_rows = range(rows.start, n_prompts)
                self._batch_rows[batch_index:] = [
                    remaining_rows[i : i + size] for i in range(0, len(remaining_rows), size)
                ]
                yield Progress(
                    rows.start, n_prompts, f"memory ran out; going on with {size} prompts at a time"
                )
                continue
            batch_index += 1
            yield Progress(rows.stop, n_prompts, message)
        return [np.concatenate(part) for part in zip(*results, strict=True)]

    def evaluate(
        self, circuit: Circuit, interventions: Interventions | None = None
    ) -> ProgressSteps[Evaluation]:
        """Measure one circuit exactly as it is given; yields between batches.

        Args:
            circuit: The circuit.
            interventions: What some of its nodes send along its edges instead of their own output.
        """
        yield from self.prepare()
        (circuit_metric,) = yield from self._map_batches(
            lambda part, run, reference: [
                self._metric_of_edges(
                    run,
                    part,
                    reference,
                    circuit.edges,
                    self.batch_interventions(part, run, interventions or {}),
                )
            ],
            "circuit",
        )
        return self._make_evaluation(circuit, circuit_metric)

    def batch_interventions(
        self, batch: Task, run: PatchedRun, interventions: Interventions
    ) -> BatchInterventions | None:
        """Return interventions worked out on one batch; None without any.

        Raises:
            InputError: A node cannot be changed in this way.
        """
        if not interventions:
            return None
        check_task_interventions(interventions)
        setting = self.setting
        run.reference_activations.setdefault(setting.ablation, run.ablated)
        for kind in (
            {intervention.value for intervention in interventions.values()}
            - run.reference_activations.keys()
            - {"scale"}
        ):
            if kind not in self._other_ablation_values:
                self._other_ablation_values[kind] = ablation_values(setting.model, setting.task, kind)
            run.reference_activations[kind] = self._other_ablation_values[kind](batch)
        return BatchInterventions(
            setting.model,
            batch.lengths - 1,
            batch.clean.shape[1],
            interventions,
            run.reference_activations,
            run.span_masks(),
        )

    def _metric_of_edges(
        self,
        run: PatchedRun,
        batch: Task,
        reference: Tensor,
        edges: BoolMatrix,
        interventions: BatchInterventions | None = None,
    ) -> NDArray[np.float64]:
        return self._metric_values(run.logits(edges, interventions), batch, reference)

    @torch.no_grad()
    def _metric_values(self, logits: Tensor, batch: Task, reference: Tensor) -> NDArray[np.float64]:
        values = self.setting.compute_metric(logits, batch, reference)
        numbers: NDArray[np.float64] = values.double().cpu().numpy()
        require_numbers(self.setting.metric, numbers)
        return numbers

    def _make_evaluation(self, circuit: Circuit, circuit_metric: NDArray[np.float64]) -> Evaluation:
        assert self._clean_metric is not None and self._ablated_metric is not None
        setting = self.setting
        values = (circuit_metric, self._clean_metric, self._ablated_metric)
        circuit_mean, model_mean, ablated_mean = (float(v.mean()) for v in values)
        return Evaluation(
            bootstrap_interval(values, compute_faithfulness, setting.task.seed),
            circuit_mean,
            model_mean,
            ablated_mean,
            setting.metric,
            setting.ablation,
            len(setting.task),
            setting.task.seed,
            circuit.n_edges,
            circuit.n_nodes,
            dict(zip(("circuit", "model", "ablated"), values, strict=True)),
        )
