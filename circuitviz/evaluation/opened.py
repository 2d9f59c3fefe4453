"""Circuits mixed of heads and features are judged on the same bench, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitviz.discovery import Setting, ablation_values
from circuitviz.evaluation.faithfulness import KEPT, Bench
from circuitviz.features.opened_run import OpenedChanges, OpenedRun
from circuitviz.features.opening import Opening
from circuitviz.features.over_task import FeatureValues, feature_values
from circuitviz.graph import Interventions
from circuitviz.models import record
from circuitviz.models.replacements import Replacements
from circuitviz.progress import Steps
from circuitviz.tasks import Task


class OpenedBench(Bench):
    """A task on which circuits with opened sites are measured.

    A node that no edge of the circuit leads out of has its ablation value at all positions, on all its
    edges: features, heads, MLPs, the embedding, and by ``errors`` the sites' errors. So L(M) is the model
    itself, L(∅) that in which every node is ablated, and an edge that is missing alone changes nothing
    (METHODS: Ablation, node ablation; Marks et al. 2024).
    """

    def __init__(self, where: Setting, opening: Opening, errors: str = "judged") -> None:
        super().__init__(where)
        self.opening, self.errors = opening, errors
        self._instead = self._values_of(where.ablation)
        self._other: dict[str, FeatureValues] = {}

    def under(self, where: Setting) -> OpenedBench:
        """The same sites opened in another setting."""
        return OpenedBench(where, self.opening, self.errors)

    def prepare(self) -> Steps[None]:
        """Run the clean model and the ablated one; yields after each batch."""
        if self._whole is not None:
            return
        nothing = np.zeros_like(self.opening.graph().mask)
        whole, nothing_left = yield from self._each(
            lambda part, run, reference: [
                self._numbers(reference, part, reference),
                self._measure(run, part, reference, nothing),
            ],
            "full and ablated model",
        )
        self._whole, self._nothing = whole, nothing_left

    def _run(self, rows: range) -> Any:
        if rows not in self._kept:
            model, part = self.setting.model, self.setting.task.subset(rows)
            at = part.lengths - 1
            clean = record(model, part.clean, at)
            assert clean.logits is not None
            run = OpenedRun(
                self.opening, part.clean, at, self._values(part), self._instead(part), self.errors
            )
            if len(self._kept) >= KEPT:
                return part, run, clean.logits
            self._kept[rows] = (part, run, clean.logits)
        return self._kept[rows]

    def replaced(self, part: Task, run: Any, changed: Interventions) -> Any:  # noqa: ARG002 - the base class's
        """Interventions on one batch; InputError on a node that cannot be changed so."""
        if not changed:
            return None
        where, sites = self.setting, self.opening.graph().node_index
        model = where.model
        mine = {n: w for n, w in changed.items() if n not in model.graph.node_index and n in sites}
        others = {}
        for kind in {what.value for what in changed.values()} - {"scale"}:
            if kind not in self._others:
                self._others[kind] = ablation_values(model, where.task, kind)
                self._other[kind] = self._values_of(kind)
            others[kind] = (self._others[kind](part), self._other[kind](part))
        ours = Replacements(
            model,
            part.lengths - 1,
            part.clean.shape[1],
            {name: what for name, what in changed.items() if name not in mine},
            {kind: ablated for kind, (ablated, _) in others.items()},
        )
        return OpenedChanges(ours, mine, others)

    def _values_of(self, kind: str) -> FeatureValues:
        where = self.setting
        return feature_values(where.model, where.task, kind, self.opening)
