"""How much of the model's behaviour a circuit keeps when everything outside it is ablated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import TaskSetting, ablation_values
from circuitviz.discovery.ablation_values import AblationValues
from circuitviz.errors import InputError
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.graph import BoolMatrix, Circuit, Evaluation, Interventions
from circuitviz.models import PatchedRun, record_activations
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.models.batching import is_out_of_memory, split_batches
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task

SENDER_OUTPUT_COPIES = 2.0  # sender outputs of a run, and of what it restarts from
MAX_CACHED_RUNS = 3  # runs kept, each of at most one batch's memory
MIN_RELATIVE_SPAN = 1e-6  # below this share of the metric's size, L(M) and L(∅) do not differ


def compute_faithfulness(circuit: Any, model: Any, ablated: Any) -> Any:
    """(L(C) − L(∅)) / (L(M) − L(∅)), elementwise; NaN where the two do not differ.

    Hanna et al. 2024; METHODS: Judging a circuit.
    """
    span = np.asarray(model - ablated, dtype=float)
    size = np.maximum(np.abs(model), np.abs(ablated))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(circuit - ablated, dtype=float) / span
    return np.where(np.abs(span) <= MIN_RELATIVE_SPAN * np.maximum(size, 1e-12), np.nan, value)


class FaithfulnessBench:
    """A task with its clean and ablated runs made once, on which any circuit is measured.

    Batches that were measured keep their last run, so that a small change restarts in the middle, as
    long as all runs together stay within what memory allows; of larger tasks the rest is run anew.
    ``allow_interventions``: nodes of the circuit may be made to write something else.
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
        """A bench of the same kind in another setting."""
        return FaithfulnessBench(setting)

    def prepare(self) -> ProgressSteps[None]:
        """Run the clean model and the ablated one; yields after each batch."""
        if self._clean_metric is not None:
            return
        graph = self.setting.model.graph
        whole, nothing = yield from self._map_batches(
            lambda part, run, reference: [
                self._metric_of_edges(run, part, reference, edges)
                for edges in (graph.mask, np.zeros_like(graph.mask))
            ],
            "full and ablated model",
        )
        self._clean_metric, self._ablated_metric = whole, nothing

    def batch_runs(self) -> Iterator[tuple[Task, PatchedRun, Tensor]]:
        """Each batch of the task with its run and the clean model's logits."""
        for rows in self._batch_rows:
            yield self._batch_run(rows)

    def _batch_run(self, rows: range) -> tuple[Task, PatchedRun, Tensor]:
        if rows not in self._cached_runs:
            model, part = self.setting.model, self.setting.task.subset(rows)
            clean = record_activations(model, part.clean, part.lengths - 1)
            assert clean.logits is not None
            run = PatchedRun(
                model, part.clean, part.lengths - 1, self._ablation_values(part), self.allow_interventions
            )
            if len(self._cached_runs) >= MAX_CACHED_RUNS:
                return part, run, clean.logits
            self._cached_runs[rows] = (part, run, clean.logits)
        return self._cached_runs[rows]

    def _map_batches(
        self, measure_batch: Callable[[Task, PatchedRun, Tensor], list[NDArray[np.float64]]], message: str
    ) -> ProgressSteps[list[NDArray[np.float64]]]:
        """Numbers of each batch, joined; where memory runs out, batches are halved and remade."""
        found, done, number = [], 0, len(self.setting.task)
        while done < len(self._batch_rows):
            rows = self._batch_rows[done]
            try:
                found.append(measure_batch(*self._batch_run(rows)))
            except (MemoryError, RuntimeError) as error:
                if len(rows) == 1 or not is_out_of_memory(error):
                    raise
                self._cached_runs.clear()
                size = max(1, len(rows) // 2)
                self.setting.model.max_batch_prompts = size
                later = range(rows.start, number)
                self._batch_rows[done:] = [later[i : i + size] for i in range(0, len(later), size)]
                yield Progress(rows.start, number, f"memory ran out; going on with {size} prompts at a time")
                continue
            done += 1
            yield Progress(rows.stop, number, message)
        return [np.concatenate(part) for part in zip(*found, strict=True)]

    def evaluate(
        self, circuit: Circuit, interventions: Interventions | None = None
    ) -> ProgressSteps[Evaluation]:
        """Measure one circuit exactly as it is given; yields between batches.

        ``interventions``: what some of its nodes send along its edges instead of their own output.
        """
        yield from self.prepare()
        (found,) = yield from self._map_batches(
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
        return self._make_evaluation(circuit, found)

    def batch_interventions(
        self, part: Task, run: PatchedRun, interventions: Interventions
    ) -> BatchInterventions | None:
        """Interventions on one batch; InputError on a node that cannot be changed so."""
        if not interventions:
            return None
        where = self.setting
        run.reference_activations.setdefault(where.ablation, run.ablated)
        for kind in (
            {what.value for what in interventions.values()} - run.reference_activations.keys() - {"scale"}
        ):
            if kind not in self._other_ablation_values:
                self._other_ablation_values[kind] = ablation_values(where.model, where.task, kind)
            run.reference_activations[kind] = self._other_ablation_values[kind](part)
        return BatchInterventions(
            where.model, part.lengths - 1, part.clean.shape[1], interventions, run.reference_activations
        )

    def _metric_of_edges(
        self,
        run: PatchedRun,
        part: Task,
        reference: Tensor,
        edges: BoolMatrix,
        interventions: BatchInterventions | None = None,
    ) -> NDArray[np.float64]:
        return self._metric_values(run.logits(edges, interventions), part, reference)

    @torch.no_grad()
    def _metric_values(self, logits: Tensor, part: Task, reference: Tensor) -> NDArray[np.float64]:
        values = self.setting.compute_metric(logits, part, reference)
        numbers: NDArray[np.float64] = values.double().cpu().numpy()
        if not np.isfinite(numbers).all():
            raise InputError(
                f"The metric '{self.setting.metric}' is not a number on {(~np.isfinite(numbers)).sum()} "
                "prompts: the model's activations overflow or hold NaN; check its weights."
            )
        return numbers

    def _make_evaluation(self, circuit: Circuit, circuit_metric: NDArray[np.float64]) -> Evaluation:
        assert self._clean_metric is not None and self._ablated_metric is not None
        where = self.setting
        values = (circuit_metric, self._clean_metric, self._ablated_metric)
        ours, whole, nothing = (float(v.mean()) for v in values)
        return Evaluation(
            bootstrap_interval(values, compute_faithfulness, where.task.seed),
            ours,
            whole,
            nothing,
            where.metric,
            where.ablation,
            len(where.task),
            where.task.seed,
            circuit.n_edges,
            circuit.n_nodes,
            dict(zip(("circuit", "model", "ablated"), values, strict=True)),
        )
