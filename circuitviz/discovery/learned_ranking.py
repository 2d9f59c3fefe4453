"""Learned ranking: scores trained so that their k strongest edges are faithful for every k.

1. A step draws k uniformly from 1 … n and makes the soft top-k mask of the scores (``soft_top_k``).
2. The mask weights the edges of a forward pass over some of the prompts (``models.WeightedRun``).
3. The distance of its answers from the clean model's is descended by Adam.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import FetchTimer
from circuitviz.discovery.eap_ig import EapIgOptions
from circuitviz.discovery.edge_ranks import RANK_INFO, rank_edges
from circuitviz.discovery.registry import TaskSetting, discover_steps, methods
from circuitviz.discovery.search_cost import PassCount
from circuitviz.discovery.soft_top_k import soft_top_k
from circuitviz.graph import Graph, Scores
from circuitviz.metrics import metrics
from circuitviz.models import record_activations
from circuitviz.models.batching import batch_budget_bytes, max_batch_size
from circuitviz.models.buffers import BufferPool
from circuitviz.models.weighted_run import WeightedRun
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task

METHOD_NAME = "learned-ranking"
START_METHOD = "eap-ig"  # gives signs, and the ranks to start from
START_SPREAD = 10.0  # of the scores that begin as ranks: from −5 to 5, twenty temperatures
HELD_SENDER_TENSORS = 6.0  # deltas, their gradients, the sums of all receivers and what the pass keeps
PASS_COST = 1.3  # of a weighted pass, to the plain model's: measured, 1.2 to 1.4
MIN_CACHED_RUNS = 1
SHOWN_LOSSES = 50  # of the latest steps, whose mean is shown: a step's loss depends on its k


@dataclass(frozen=True)
class LearnedRankingOptions:
    """What is ranked, where training begins, and how long it goes on."""

    units: str = option("edges", "what is ranked; nodes with all their edges", choices=("edges", "nodes"))
    start: str = option(
        START_METHOD,
        "where scores begin: all at zero, or at the ranks of eap-ig",
        choices=("zero", START_METHOD),
    )
    loss: str = option(
        "kl",
        "what is descended: KL from the clean model's answers, or the metric's distance from the model's",
        choices=("kl", "metric"),
    )
    training_steps: int = option(500, "steps of training", low=1)
    step_prompts: int = option(16, "prompts in a step", low=1)
    learning_rate: float = option(0.05, "learning rate of Adam", above=0)
    temperature: float = option(0.5, "temperature of the soft top-k mask", above=0)
    ranking_seed: int = option(0, "seed of the numbers k and of the order of the prompts", low=0)


@methods.register(
    METHOD_NAME,
    summary="Scores trained so that their strongest edges are faithful at every size",
    reference="Arora et al. 2026",
    use="For the most faithful circuits, but for the smallest, where minutes of training are worth it",
    options=LearnedRankingOptions,
    smooth=True,
    is_trained=True,
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def learned_ranking(setting: TaskSetting, options: LearnedRankingOptions) -> ProgressSteps[Scores]:
    """|s(u→v)| = rank of the edge's trained score, from 0 to 1 for the strongest; the sign is EAP-IG's.

    A mask says how much of an edge is kept and not whether it helps, so the sign is that of the edge's EAP-IG
    score (positive where that is 0). With ``units=nodes`` a node's rank, with the sign of the sum of its
    edges' scores, is shared equally by its edges.
    Source: [arora2026matryoshka].
    """
    graph = setting.model.graph
    attributions = yield from _attribute(setting)
    units = _RankedUnits(graph, options.units == "nodes", setting.model.device)
    signs = np.where(units.attributions(attributions) < 0, -1.0, 1.0)
    trained = torch.zeros(units.count, device=setting.model.device)
    if options.start == START_METHOD:
        trained = units.start_from(attributions).to(setting.model.empty_stream)
    trained = trained.to(setting.model.empty_stream).requires_grad_()
    optimizer = torch.optim.Adam([trained], lr=options.learning_rate)
    batches = _TrainingBatches(setting, options)
    draw, timer = random.Random(options.ranking_seed), FetchTimer(setting.model.device)
    losses: deque[Tensor] = deque(maxlen=SHOWN_LOSSES)
    message = ""

    def scores(is_partial: bool) -> Scores:
        ranks = units.ranks(trained.detach().cpu().numpy().astype(np.float64)) * signs
        return Scores(graph, ranks, METHOD_NAME, partial=is_partial, info=RANK_INFO)

    for step in range(1, options.training_steps + 1):
        k = draw.randint(1, units.count)
        mask = soft_top_k(trained, k, options.temperature)
        loss = batches.next_loss(units.edge_weights(mask))
        (trained.grad,) = torch.autograd.grad(loss, trained)
        optimizer.step()
        losses.append(loss.detach())
        partial = None
        if timer.is_due():
            partial, mean_loss = scores(True), float(torch.stack(list(losses)).mean())
            message = f", {options.loss} loss {mean_loss:.3g} over the last {len(losses)}"
        progress = f"step {step} of {options.training_steps}{message}"
        yield Progress(step, options.training_steps, progress, partial)
    return scores(False)


class _RankedUnits:
    """What is ranked: the graph's edges, or its senders.

    Attributes:
        count: Their number.
    """

    def __init__(self, graph: Graph, are_nodes: bool, device: torch.device) -> None:
        self.graph, self.are_nodes = graph, are_nodes
        self.count = len(graph.senders) if are_nodes else graph.n_edges
        self._mask = torch.from_numpy(graph.mask.copy()).to(device)
        self._edges = torch.from_numpy(np.flatnonzero(graph.mask)).to(device)

    def attributions(self, of_edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of edges [senders, receivers], or those of their senders in their place [senders, 1]."""
        if not self.are_nodes:
            return of_edges
        return np.asarray(np.where(self.graph.mask, of_edges, 0.0).sum(axis=1, keepdims=True))

    def start_from(self, attributions: NDArray[np.float64]) -> Tensor:
        """Scores whose order is that of |attribution|, evenly spread around 0, [count]."""
        of_edges = np.abs(self.attributions(attributions))
        of_units = of_edges[:, 0] if self.are_nodes else of_edges[self.graph.mask]
        order = np.argsort(np.argsort(of_units, kind="stable"), kind="stable")
        return torch.from_numpy(START_SPREAD * (order / max(1, self.count - 1) - 0.5))

    def edge_weights(self, mask: Tensor) -> Tensor:
        """The weight of each edge [senders, receivers] from a mask of the units [count]."""
        if self.are_nodes:
            return mask[:, None] * self._mask
        weights = mask.new_zeros(self._mask.numel())
        return weights.index_copy(0, self._edges, mask).view(self._mask.shape)

    def ranks(self, trained: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ranks of trained scores [count] as strengths of edges [senders, receivers]."""
        strengths = trained - trained.min() + 1.0
        if not self.are_nodes:
            values = np.zeros(self.graph.mask.shape)
            values[self.graph.mask] = strengths
            return rank_edges(self.graph, values)
        _, group = np.unique(strengths, return_inverse=True)
        n_edges = np.maximum(1, self.graph.mask.sum(axis=1))
        shares = (group + 1) / (group.max() + 1) / n_edges
        return np.asarray(np.where(self.graph.mask, shares[:, None], 0.0))


class _TrainingBatches:
    """The prompts of each step, with their clean answers and ablated runs.

    Prompts are put into batches once; the runs of as many batches as fit into memory are kept.
    """

    def __init__(self, setting: TaskSetting, options: LearnedRankingOptions) -> None:
        self.setting, self.buffers = setting, BufferPool()
        task, model = setting.task, setting.model
        self._draw = random.Random(options.ranking_seed)
        size = min(
            len(task), options.step_prompts, max_batch_size(model, task.clean.shape[1], HELD_SENDER_TENSORS)
        )
        order = self._draw.sample(range(len(task)), len(task))
        self._rows = [order[i : i + size] for i in range(0, len(order), size)]
        self._values_for = ablation_values(model, task, setting.ablation)
        self._runs: dict[int, tuple[Task, WeightedRun, Tensor]] = {}
        shape = model.shape
        kept_values = size * task.clean.shape[1] * shape.n_layers * shape.d_model * 8  # streams, projections
        kept_bytes = kept_values * model.empty_stream.element_size()
        self._max_runs = max(MIN_CACHED_RUNS, int(batch_budget_bytes(*model.placement.devices) / kept_bytes))
        self._queue: list[int] = []
        self._distance = _distance(setting, options.loss)

    def next_loss(self, weights: Tensor) -> Tensor:
        """The mean distance of the next batch's prompts from the clean model."""
        if not self._queue:
            self._queue = self._draw.sample(range(len(self._rows)), len(self._rows))
        batch, run, reference = self._run(self._queue.pop())
        return self._distance(run.logits(weights), batch, reference).mean()

    def _run(self, number: int) -> tuple[Task, WeightedRun, Tensor]:
        if number in self._runs:
            return self._runs[number]
        model, batch = self.setting.model, self.setting.task.subset(self._rows[number])
        at = batch.lengths - 1
        reference = record_activations(model, batch.clean, at).logits
        assert reference is not None
        run = WeightedRun(model, batch.clean, at, self._values_for(batch), self.buffers)
        if len(self._runs) < self._max_runs:
            self._runs[number] = batch, run, reference
        return batch, run, reference


Distance = Callable[[Tensor, Task, Tensor], Tensor]
"""(logits [batch, vocabulary], batch, the clean model's logits) → at least 0, [batch]."""


def _distance(setting: TaskSetting, loss: str) -> Distance:
    if loss == "kl":
        divergence = metrics.get("kl").value
        return lambda logits, batch, reference: -divergence(logits, batch.correct, batch.incorrect, reference)
    return lambda logits, batch, reference: (
        setting.compute_metric(logits, batch, reference) - setting.compute_metric(reference, batch, reference)
    ).abs()


def _attribute(setting: TaskSetting) -> ProgressSteps[NDArray[np.float64]]:
    """EAP-IG's scores, without partial results: they are of another method."""
    steps = discover_steps(setting.model, setting.task, START_METHOD, setting.metric, setting.ablation)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return np.asarray(end.value.values)
        yield Progress(0, 1, f"{START_METHOD}: {step.message}")


def _count_passes(setting: TaskSetting, options: LearnedRankingOptions) -> PassCount:
    share = min(1.0, options.step_prompts / len(setting.task)) * options.training_steps * PASS_COST
    start: PassCount = methods.get(START_METHOD).extra["count_passes"](setting, EapIgOptions())
    return PassCount(start.forwards + share, start.backwards + share)
