"""Circuits mixed of heads and features are judged on the same bench, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.discovery import TaskSetting, ablation_values
from circuitviz.evaluation.faithfulness import MAX_CACHED_RUNS, FaithfulnessBench
from circuitviz.features.feature_basis import FeatureBasis
from circuitviz.features.feature_basis_run import BasisInterventions, FeatureBasisRun
from circuitviz.features.task_ablation_values import FeatureValues, task_feature_values
from circuitviz.graph import Interventions
from circuitviz.models import record_activations
from circuitviz.models.batch_interventions import BatchInterventions
from circuitviz.progress import ProgressSteps
from circuitviz.tasks import Task


class FeatureBasisBench(FaithfulnessBench):
    """A task on which circuits with opened sites are measured.

    A node that no edge of the circuit leads out of has its ablation value at all positions, on all its
    edges: features, heads, MLPs, the embedding, and by ``errors`` the sites' errors. So L(M) is the model
    itself, L(∅) that in which every node is ablated, and an edge that is missing alone changes nothing
    (METHODS: Ablation, node ablation; Marks et al. 2024).
    """

    def __init__(self, setting: TaskSetting, basis: FeatureBasis, errors: str = "judged") -> None:
        super().__init__(setting)
        self.basis, self.errors = basis, errors
        self._feature_values = self._feature_values_of(setting.ablation)
        self._other_feature_values: dict[str, FeatureValues] = {}

    def with_setting(self, setting: TaskSetting) -> FeatureBasisBench:
        """The same sites opened in another setting."""
        return FeatureBasisBench(setting, self.basis, self.errors)

    def prepare(self) -> ProgressSteps[None]:
        """Run the clean model and the ablated one; yields after each batch."""
        if self._clean_metric is not None:
            return
        nothing = np.zeros_like(self.basis.graph().mask)
        whole, nothing_left = yield from self._map_batches(
            lambda part, run, reference: [
                self._metric_values(reference, part, reference),
                self._metric_of_edges(run, part, reference, nothing),
            ],
            "full and ablated model",
        )
        self._clean_metric, self._ablated_metric = whole, nothing_left

    def _batch_run(self, rows: range) -> Any:
        if rows not in self._cached_runs:
            model, part = self.setting.model, self.setting.task.subset(rows)
            at = part.lengths - 1
            clean = record_activations(model, part.clean, at)
            assert clean.logits is not None
            run = FeatureBasisRun(
                self.basis,
                part.clean,
                at,
                self._ablation_values(part),
                self._feature_values(part),
                self.errors,
            )
            if len(self._cached_runs) >= MAX_CACHED_RUNS:
                return part, run, clean.logits
            self._cached_runs[rows] = (part, run, clean.logits)
        return self._cached_runs[rows]

    def batch_interventions(self, part: Task, run: Any, interventions: Interventions) -> Any:  # noqa: ARG002 - the base class's
        """Interventions on one batch; InputError on a node that cannot be changed so."""
        if not interventions:
            return None
        where, sites = self.setting, self.basis.graph().node_index
        model = where.model
        mine = {n: w for n, w in interventions.items() if n not in model.graph.node_index and n in sites}
        others = {}
        for kind in {what.value for what in interventions.values()} - {"scale"}:
            if kind not in self._other_ablation_values:
                self._other_ablation_values[kind] = ablation_values(model, where.task, kind)
                self._other_feature_values[kind] = self._feature_values_of(kind)
            others[kind] = (self._other_ablation_values[kind](part), self._other_feature_values[kind](part))
        ours = BatchInterventions(
            model,
            part.lengths - 1,
            part.clean.shape[1],
            {name: what for name, what in interventions.items() if name not in mine},
            {kind: ablated for kind, (ablated, _) in others.items()},
        )
        return BasisInterventions(ours, mine, others)

    def _feature_values_of(self, kind: str) -> FeatureValues:
        where = self.setting
        return task_feature_values(where.model, where.task, kind, self.basis)
