"""The exact effect of every edge, by taking each out: slow, and what all else approximates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.registry import Setting, methods
from circuitviz.graph import Scores
from circuitviz.models import PatchedRun, record
from circuitviz.models.batches import batches
from circuitviz.options import option
from circuitviz.progress import Progress, Steps


@dataclass(frozen=True)
class ExactOptions:
    """How often a partial result is shown."""

    report: int = option(50, "edges between two partial results", low=1)


@methods.register(
    "exact",
    summary="Exact edge patching: one run for each edge, from its receiver's layer on",
    reference="Goldowsky-Dill et al. 2023",
    options=ExactOptions,
)
def exact_edge_patching(setting: Setting, options: ExactOptions) -> Steps[Scores]:
    """s(u→v) = L(full model) − L(full model with the one edge ablated), mean over prompts.

    Receivers go from the logits down, so what restarts latest is known first.
    """
    senders, receivers = np.nonzero(setting.model.graph.mask)
    order = np.argsort(-receivers, kind="stable")
    edges = [(int(senders[i]), int(receivers[i])) for i in order]
    return (yield from effects(setting, edges, options.report))


def effects(setting: Setting, edges: Iterable[tuple[int, int]], report: int = 50) -> Steps[Scores]:
    """Exact effects of chosen edges (sender, receiver); all others stay 0."""
    model, task, graph = setting.model, setting.task, setting.model.graph
    values, chosen = ablation_values(model, task, setting.ablation), list(edges)
    total = np.zeros(graph.mask.shape)
    ranges, done = list(batches(model, len(task), task.clean.shape[1])), 0
    seen = 0
    for rows in ranges:
        part = task.subset(rows)
        reference = record(model, part.clean, part.lengths - 1).logits
        run = PatchedRun(model, part.clean, part.lengths - 1, values(part))
        whole = setting.measure(run.logits(graph.mask), part, reference)
        for number, (sender, receiver) in enumerate(chosen, start=1):
            without = graph.mask.copy()
            without[sender, receiver] = False
            found = setting.measure(run.logits(without), part, reference)
            total[sender, receiver] += float((whole - found).double().sum())
            done += 1
            partial = None
            if number % report == 0 or number == len(chosen):
                partial = Scores(graph, total / (seen + len(part)), "exact", partial=True)
            message = f"{done:,} of {len(chosen) * len(ranges):,} edges"
            yield Progress(done, len(chosen) * len(ranges), message, partial)
        seen += len(part)
    return Scores(graph, total / len(task), "exact")
