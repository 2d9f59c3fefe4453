"""ACDC: from the logits upstream, remove each edge that the model does without [conmy2023acdc].

Later decisions see earlier ones, so the circuit that is left was tested as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.preselection import PreselectionOptions, check_preselection, preselect_edges
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.registry import make_setting as setting_of
from circuitviz.discovery.search_cost import PassCount, count_edge_passes
from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix, NodeKind, Scores
from circuitviz.models import record_activations
from circuitviz.models.batching import split_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

COST_MEASURES = ("kl", "metric")
INITIAL_CHAIN_EDGES, MAX_CHAIN_EDGES = 8, 64  # removals that are assumed at a time


@dataclass(frozen=True)
class AcdcOptions(PreselectionOptions):
    """When an edge is removed."""

    tau: float = option(0.01, "an edge is removed when that costs less than this", above=0)
    judge: str = option(
        "kl",
        "cost of removing an edge: kl, the divergence from the clean model; metric, the search's metric",
        choices=COST_MEASURES,
    )
    absolute: bool = option(
        False, "also keep edges whose removal improves the metric by tau or more (the paper removes them)"
    )


@methods.register(
    "acdc",
    summary="ACDC: removes edges one by one from the logits upstream while the cost stays below τ",
    reference="Conmy et al. 2023, Algorithm 1",
    use="For small models, few prompts or preselected edges: it runs the model once for every edge",
    options=AcdcOptions,
    select="own",
    by_span=True,
    check=lambda setting, options: check_preselection(setting, options.preselect),
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def acdc(setting: TaskSetting, options: AcdcOptions) -> ProgressSteps[Scores]:
    """Remove u→v when L(C) − L(C without u→v) < τ, C being what is left so far; L is −KL by default.

    Receivers in reverse topological order, each one's senders from the latest to the earliest
    [conmy2023acdc]. An edge's score is what its removal cost when it was tried, 0 where it improved the
    metric (with ``absolute``, the change), so the edges kept are those whose score reaches τ. With
    ``preselect``, C begins as EAP's circuit instead of the whole model. By span, an edge is removed at one
    span at a time, from the last span of a receiver to the first.
    """
    edges = yield from preselect_edges(setting, options.preselect)
    search = _AcdcSearch(setting, options, edges)
    graph, n_edges, n_done = setting.graph, int(edges.sum()), 0
    for receiver in reversed(range(len(graph.receivers))):
        for n_tried in search.decide_receiver(receiver):
            n_done += n_tried
            yield Progress(
                n_done, n_edges, f"{graph.receivers[receiver]}, {search.n_edges_left:,} edges left"
            )
        message = f"{n_done:,} of {n_edges:,} edges examined"
        yield Progress(n_done, n_edges, message, search.scores(partial=True))
    return search.scores()


def _count_passes(setting: TaskSetting, options: AcdcOptions) -> PassCount:
    """Each edge is a run from its receiver's layer on, unless its receiver's node was removed before."""
    return replace(count_edge_passes(setting, setting.graph.mask, options.preselect), is_upper_bound=True)


class _AcdcSearch:
    """The circuit so far, and the runs on which candidates are measured.

    Args:
        setting: Model, task, metric and ablation.
        options: Options of the method.
        examined: The edges of the circuit that the search begins with, bool [senders, receivers].
    """

    def __init__(self, setting: TaskSetting, options: AcdcOptions, examined: BoolMatrix) -> None:
        self.options, self.graph = options, setting.graph
        self.cost_setting = setting
        if options.judge == "kl":
            self.cost_setting = setting_of(
                setting.model, setting.task, "kl", setting.ablation, setting.spans or False
            )
        model, task = setting.model, setting.task
        self.layers = model.layers
        values_for = ablation_values(model, task, setting.ablation)
        self.batches = []
        for rows in split_batches(model, len(task), task.clean.shape[1]):
            subtask = task.subset(rows)
            reference = record_activations(model, subtask.clean, subtask.lengths - 1).logits
            run = setting.make_run(subtask, values_for(subtask))
            self.batches.append((subtask, run, reference))
        self.n_prompts = len(task)
        self.examined, self.edges = examined, examined.copy()
        self.costs = np.zeros(examined.shape)
        self.mean_metric = self._measure_circuit(self.edges)
        self.chain_length = INITIAL_CHAIN_EDGES

    @property
    def n_edges_left(self) -> int:
        """Number of edges that are not removed yet."""
        return int(self.edges.sum())

    def decide_receiver(self, receiver: int) -> Iterator[int]:
        """Decide on the edges into one receiver.

        Most edges are removed. So a chain of removals is measured at once, each assuming that the edges
        before it are removed; what follows the first edge that stays is measured again without that
        assumption. The decisions are those of trying the edges one by one.

        Yields:
            How many edges were decided since the last time.
        """
        order = np.flatnonzero(self.examined[:, receiver])[::-1]
        can_change = any(run.can_change(receiver) for _, run, _ in self.batches)
        if not can_change or not self._affects_metric(receiver):  # no effect: its node has no outgoing edge
            self.edges[:, receiver] = False
            yield len(order)
            return
        while len(order):
            chain = order[: self.chain_length]
            columns = np.repeat(self.edges[None, :, receiver], len(chain), axis=0)
            for position, sender in enumerate(chain):
                columns[position:, sender] = False
            values = self._measure_variants(receiver, columns)
            n_tried = 0
            for sender, value in zip(chain, values, strict=True):
                self._check_finite(value)
                cost = self.mean_metric - value
                change = abs(cost) if self.options.absolute else cost
                self.costs[sender, receiver] = cost if self.options.absolute else max(cost, 0.0)
                n_tried += 1
                if change >= self.options.tau:
                    break
                self.edges[sender, receiver] = False
                self.mean_metric = value
            all_went = n_tried == len(chain) and not self.edges[chain[-1], receiver]
            self.chain_length = (
                min(MAX_CHAIN_EDGES, 2 * self.chain_length) if all_went else max(2, self.chain_length // 2)
            )
            order = order[n_tried:]
            yield n_tried

    def scores(self, partial: bool = False) -> Scores:
        """What each edge cost when it was tried; 0 where it was not yet."""
        info = {"own": float(self.options.tau)}
        is_whole = partial or self.examined.sum() == self.graph.n_edges
        examined = None if is_whole else self.examined
        return Scores(self.graph, self.costs.copy(), "acdc", partial=partial, info=info, examined=examined)

    def _affects_metric(self, receiver: int) -> bool:
        """Whether a receiver's node still has an outgoing edge in the circuit.

        Where a block normalises what its heads write together, each head scales the others, so all of them
        count.
        """
        nodes = np.flatnonzero(self.graph.owners[receiver])
        if nodes[0] >= len(self.edges):
            return True  # logits
        node = self.graph.nodes[nodes[0]]
        if node.kind is NodeKind.HEAD and self.layers[node.layer or 0].post_norm is not None:
            of_layer = [
                other.kind is NodeKind.HEAD and other.layer == node.layer for other in self.graph.nodes
            ]
            nodes = np.flatnonzero(of_layer)
        return bool(self.edges[nodes].any())

    def _measure_circuit(self, edges: BoolMatrix) -> float:
        total = torch.zeros((), dtype=torch.float64, device=self.cost_setting.model.device)
        for subtask, run, reference in self.batches:
            total += self.cost_setting.compute_metric(run.logits(edges), subtask, reference).double().sum()
        return float(total) / self.n_prompts

    def _measure_variants(self, receiver: int, columns: BoolMatrix) -> NDArray[np.float64]:
        """The cost metric's mean over prompts for each candidate column [variants].

        They are fetched once for a chain of removals and all batches: the next chain depends on them.
        """
        totals = torch.zeros(len(columns), dtype=torch.float64, device=self.cost_setting.model.device)
        for subtask, run, reference in self.batches:
            for variants, logits in run.variants(self.edges, receiver, columns):
                metrics = self.cost_setting.compute_metric_of_copies(logits, subtask, reference).sum(1)
                totals[variants.start : variants.stop] += metrics
        return totals.cpu().numpy() / self.n_prompts

    def _check_finite(self, value: float) -> None:
        if not np.isfinite(value):
            raise InputError(
                f"The metric '{self.cost_setting.metric}' is not a number ({value}) once edges "
                "are removed: the model's activations overflow or hold NaN on this task; check its weights."
            )
