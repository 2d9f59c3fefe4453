"""Faithfulness over a task of circuits of heads and features, by node ablation."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.discovery import TaskSetting, ablation_values
from circuitviz.evaluation.faithfulness import MAX_CACHED_RUNS, FaithfulnessBench
from circuitviz.features.feature_basis import FeatureBasis
from circuitviz.features.feature_basis_run import BasisInterventions, FeatureBasisRun
from circuitviz.features.task_ablation_values import FeatureValues, task_feature_values
from circuitviz.graph import Interventions
from circuitviz.graph.interventions import check_task_interventions
from circuitviz.models import record_activations
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.progress import ProgressSteps
from circuitviz.tasks import Task


class FeatureBasisBench(FaithfulnessBench):
    """A bench for circuits with sites shown in features.

    A node that no edge of the circuit leads out of takes its ablation value at all positions and on all of
    its edges: features, heads, MLPs, the embedding, and by ``errors`` the sites' errors. So L(M) is the model
    itself, L(∅) the model with every node ablated, and removing one of a node's several edges changes
    nothing.

    Source: node ablation, [marks2024sparse].
    """

    def __init__(self, setting: TaskSetting, basis: FeatureBasis, errors: str = "judged") -> None:
        super().__init__(setting)
        self.basis, self.errors = basis, errors
        self._feature_values = self._feature_values_of(setting.ablation)
        self._other_feature_values: dict[str, FeatureValues] = {}

    def with_setting(self, setting: TaskSetting) -> FeatureBasisBench:
        """Return a bench with the same sites shown in features, in another setting."""
        return FeatureBasisBench(setting, self.basis, self.errors)

    def prepare(self) -> ProgressSteps[None]:
        """Measure the full and the fully ablated model, once; yields after each batch."""
        if self._clean_metric is not None:
            return
        no_edges = np.zeros_like(self.basis.graph().mask)
        clean, ablated = yield from self._map_batches(
            lambda part, run, reference: [
                self._metric_values(reference, part, reference),
                self._metric_of_edges(run, part, reference, no_edges),
            ],
            "full and ablated model",
        )
        self._clean_metric, self._ablated_metric = clean, ablated

    def _batch_run(self, rows: range) -> Any:
        if rows not in self._cached_runs:
            model, batch = self.setting.model, self.setting.task.subset(rows)
            positions = batch.lengths - 1
            clean = record_activations(model, batch.clean, positions)
            assert clean.logits is not None
            run = FeatureBasisRun(
                self.basis,
                batch.clean,
                positions,
                self._ablation_values(batch),
                self._feature_values(batch),
                self.errors,
            )
            if len(self._cached_runs) >= MAX_CACHED_RUNS:
                return batch, run, clean.logits
            self._cached_runs[rows] = (batch, run, clean.logits)
        return self._cached_runs[rows]

    def batch_interventions(self, batch: Task, run: Any, interventions: Interventions) -> Any:  # noqa: ARG002 - the base class's
        """Return interventions worked out on one batch; None without any."""
        if not interventions:
            return None
        check_task_interventions(interventions)
        setting, sites = self.setting, self.basis.graph().node_index
        model = setting.model
        of_sites = {n: w for n, w in interventions.items() if n not in model.graph.node_index and n in sites}
        values_by_kind = {}
        for kind in {intervention.value for intervention in interventions.values()} - {"scale"}:
            if kind not in self._other_ablation_values:
                self._other_ablation_values[kind] = ablation_values(model, setting.task, kind)
                self._other_feature_values[kind] = self._feature_values_of(kind)
            values_by_kind[kind] = (
                self._other_ablation_values[kind](batch),
                self._other_feature_values[kind](batch),
            )
        of_model = BatchInterventions(
            model,
            batch.lengths - 1,
            batch.clean.shape[1],
            {name: intervention for name, intervention in interventions.items() if name not in of_sites},
            {kind: ablated for kind, (ablated, _) in values_by_kind.items()},
        )
        return BasisInterventions(of_model, of_sites, values_by_kind)

    def _feature_values_of(self, kind: str) -> FeatureValues:
        setting = self.setting
        return task_feature_values(setting.model, setting.task, kind, self.basis)
