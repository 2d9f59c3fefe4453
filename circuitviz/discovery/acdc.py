"""ACDC: from the logits backwards, an edge goes where the model does without it; decisions build on
each other, so the circuit that is left was tested as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.registry import Setting, methods
from circuitviz.discovery.registry import setting as setting_of
from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix, Kind, Scores
from circuitviz.models import PatchedRun, record
from circuitviz.models.activations import head_rows
from circuitviz.models.batches import batches
from circuitviz.options import option
from circuitviz.progress import Progress, Steps

JUDGES = ("kl", "metric")
FIRST, MOST = 8, 64  # edges assumed to go, at first and at most, before one of them is looked at


@dataclass(frozen=True)
class AcdcOptions:
    """When an edge may go."""

    tau: float = option(0.01, "an edge goes when it costs less than this", above=0)
    judge: str = option(
        "kl",
        "what an edge may cost: kl, the divergence from the clean model; metric, the search's own",
        choices=JUDGES,
    )
    absolute: bool = option(
        False, "also keep edges whose removal improves the metric by tau or more (the paper lets them go)"
    )


@methods.register(
    "acdc",
    summary="ACDC: edges are dropped one by one from the logits backwards while the cost stays below τ",
    reference="Conmy et al. 2023, Algorithm 1",
    options=AcdcOptions,
    select="own",
)
def acdc(setting: Setting, options: AcdcOptions) -> Steps[Scores]:
    """Drop u→v when L(C) − L(C without u→v) < τ, C what is left so far; L is −KL by default.

    Receivers in reverse topological order, each one's senders from the latest to the earliest. An
    edge's score is what its removal cost when it was tried, 0 where it improved the metric (with
    ``absolute``, what it changed); so the edges kept are those whose score reaches τ.
    """
    search = _Search(setting, options)
    graph = setting.model.graph
    number, done = graph.n_edges, 0
    for receiver in reversed(range(len(graph.receivers))):
        for tried in search.receiver(receiver):
            done += tried
            yield Progress(done, number, f"{graph.receivers[receiver]}, {search.left:,} edges left")
        told = f"{done:,} of {number:,} edges examined"
        yield Progress(done, number, told, search.scores(partial=True))
    return search.scores()


class _Search:
    """The circuit so far, and the runs that candidates are measured on."""

    def __init__(self, setting: Setting, options: AcdcOptions) -> None:
        self.options, self.graph = options, setting.model.graph
        self.judge = setting
        if options.judge == "kl":
            self.judge = setting_of(setting.model, setting.task, "kl", setting.ablation)
        model, task = setting.model, setting.task
        self.layers = model.layers
        values = ablation_values(model, task, setting.ablation)
        self.parts = []
        for rows in batches(model, len(task), task.clean.shape[1]):
            part = task.subset(rows)
            reference = record(model, part.clean, part.lengths - 1).logits
            run = PatchedRun(model, part.clean, part.lengths - 1, values(part))
            self.parts.append((part, run, reference))
        self.prompts = len(task)
        self.edges: BoolMatrix = self.graph.mask.copy()
        self.costs = np.zeros(self.edges.shape)
        self.decided = ~self.graph.mask
        self.value = self._mean(self.edges)
        self.size = FIRST

    @property
    def left(self) -> int:
        """Edges not dropped yet."""
        return int(self.edges.sum())

    def receiver(self, receiver: int) -> Iterator[int]:
        """Decide on the edges into one receiver; yields how many were decided, again and again.

        Most edges go. So a chain is measured at once in which each edge goes after the one before;
        what follows the first edge that has to stay is measured again without that assumption. The
        decisions are those of going one by one.
        """
        order = np.flatnonzero(self.graph.mask[:, receiver])[::-1]
        if not self._matters(receiver):
            self.edges[:, receiver] = False  # nobody reads what it would write: nothing can change
            self.decided[order, receiver] = True
            yield len(order)
            return
        while len(order):
            chain = order[: self.size]
            columns = np.repeat(self.edges[None, :, receiver], len(chain), axis=0)
            for number, sender in enumerate(chain):
                columns[number:, sender] = False
            values = self._values(receiver, columns)
            tried = 0
            for sender, value in zip(chain, values, strict=True):
                self._check(value)
                cost = self.value - value
                self.decided[sender, receiver] = True
                change = abs(cost) if self.options.absolute else cost
                self.costs[sender, receiver] = cost if self.options.absolute else max(cost, 0.0)
                tried += 1
                if change >= self.options.tau:
                    break
                self.edges[sender, receiver] = False
                self.value = value
            all_went = tried == len(chain) and not self.edges[chain[-1], receiver]
            self.size = min(MOST, 2 * self.size) if all_went else max(2, self.size // 2)
            order = order[tried:]
            yield tried

    def scores(self, partial: bool = False) -> Scores:
        """What each edge cost when it was tried; 0 while it was not."""
        values = np.where(self.decided, self.costs, 0.0) * self.graph.mask
        return Scores(self.graph, values, "acdc", partial=partial, info={"own": float(self.options.tau)})

    def _matters(self, receiver: int) -> bool:
        """Whether anything that reads this receiver's input is itself read.

        Where a block normalises what its heads write together, each head scales the others.
        """
        nodes = np.flatnonzero(self.graph.owners[receiver])
        if nodes[0] >= len(self.edges):
            return True  # the logits
        node = self.graph.nodes[nodes[0]]
        if node.kind is Kind.HEAD and self.layers[node.layer or 0].post is not None:
            nodes = np.arange(len(self.edges))[head_rows(self.judge.model, node.layer or 0)]
        return bool(self.edges[nodes].any())

    def _mean(self, edges: BoolMatrix) -> float:
        total = 0.0
        for part, run, reference in self.parts:
            total += float(self.judge.measure(run.logits(edges), part, reference).double().sum())
        return total / self.prompts

    def _values(self, receiver: int, columns: BoolMatrix) -> NDArray[np.float64]:
        """The judge's mean over prompts for each candidate column."""
        totals = np.zeros(len(columns))
        for part, run, reference in self.parts:
            for which, logits in run.variants(self.edges, receiver, columns):
                each = self.judge.measure_copies(logits, part, reference).sum(1)
                totals[which.start : which.stop] += each.cpu().numpy()
        return totals / self.prompts

    def _check(self, value: float) -> None:
        if not np.isfinite(value):
            raise InputError(
                f"The metric '{self.judge.metric}' is not a number ({value}) once edges are dropped: the "
                "model's activations overflow or hold NaN on this task; check its weights."
            )
