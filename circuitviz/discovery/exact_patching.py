"""Exact edge patching: the effect of every edge, by ablating each alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.partial_means import partial_means
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix, Scores
from circuitviz.models import PatchedRun, record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps


@dataclass(frozen=True)
class ExactOptions:
    """Which receivers to score, where all would take too long."""

    receivers: str = option("all", "receivers to score, with commas between them, such as logits,a2.h3<q>")


@methods.register(
    "exact",
    summary="Exact edge patching: every edge taken out, a receiver's edges in one batch from its layer on",
    reference="Goldowsky-Dill et al. 2023",
    options=ExactOptions,
)
def exact_edge_patching(setting: TaskSetting, options: ExactOptions) -> ProgressSteps[Scores]:
    """s(u→v) = L(full model) − L(full model with the one edge ablated), mean over prompts.

    Receivers go from the logits upstream, so that the quickest restarts come first. Source:
    [goldowskydill2023path].
    """
    graph = setting.model.graph
    wanted = graph.mask
    if options.receivers != "all":
        wanted = np.zeros_like(graph.mask)
        columns = parse_receivers(setting, options.receivers)
        wanted[:, columns] = graph.mask[:, columns]
    return (yield from measure_edge_effects(setting, [(int(s), int(r)) for s, r in np.argwhere(wanted)]))


def measure_edge_effects(setting: TaskSetting, edges: Iterable[tuple[int, int]]) -> ProgressSteps[Scores]:
    """Exact effects of chosen edges; all others stay 0.

    Args:
        setting: Model, task, metric and ablation.
        edges: (row of the sender, column of the receiver) of each edge.
    """
    model, task, graph = setting.model, setting.task, setting.model.graph
    values = ablation_values(model, task, setting.ablation)
    wanted = np.zeros_like(graph.mask)
    for sender, receiver in edges:
        wanted[sender, receiver] = True
    receivers = [int(r) for r in np.flatnonzero(wanted.any(axis=0))[::-1]]
    number, total, seen = int(wanted.sum()), np.zeros(graph.mask.shape), 0

    def work(rows: range) -> ProgressSteps[None]:
        nonlocal seen
        part, found, count = task.subset(rows), np.zeros_like(total), 0
        measured = np.zeros_like(wanted)
        reference = record_activations(model, part.clean, part.lengths - 1).logits
        run = PatchedRun(model, part.clean, part.lengths - 1, values(part))
        whole = float(setting.compute_metric(run.logits(graph.mask), part, reference).double().sum())
        for receiver in receivers:
            senders = np.flatnonzero(wanted[:, receiver])
            columns = leave_one_out_columns(graph.mask[:, receiver], senders)
            for which, logits in run.variants(graph.mask, receiver, columns):
                each = setting.compute_metric_of_copies(logits, part, reference).sum(1)
                found[senders[which.start : which.stop], receiver] = whole - each.cpu().numpy()
                count += len(which)
                share = (seen + len(part) * count / number) / len(task)
                partial = None
                if which.stop == len(senders):
                    measured[senders, receiver] = True
                    sofar = partial_means(total, seen, found, len(part), measured)
                    partial = Scores(graph, sofar, "exact", partial=True)
                tried = number if seen else count
                prompts = f"{seen + len(part)} of {len(task)} prompts"
                message = f"{tried:,} of {number:,} edges examined, {prompts}"
                yield Progress(share * number, number, message, partial)
        total[:] += found
        seen += len(part)

    yield from run_in_batches(model, len(task), task.clean.shape[1], work)
    return Scores(graph, total / len(task), "exact")


def leave_one_out_columns(
    column: BoolMatrix, senders: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> BoolMatrix:
    """A receiver's edges [senders] with one of them removed at a time, bool [variants, senders]."""
    columns = np.repeat(column[None], len(senders), axis=0)
    columns[np.arange(len(senders)), senders] = False
    return columns


def parse_receivers(setting: TaskSetting, names: str) -> list[int]:
    """Columns of receivers given by name; ``a9.h9`` stands for its q, k and v.

    Args:
        setting: Model, task, metric and ablation.
        names: Names with commas between them.

    Raises:
        InputError: A name is no receiver of the model.
    """
    index, found = setting.model.graph.receiver_index, []
    for name in (part.strip() for part in names.split(",") if part.strip()):
        several = [r for r in index if r == name or r.partition("<")[0] == name]
        if not several:
            raise InputError(
                f"There is no receiver '{name}' in this model; receivers are logits, MLPs such as "
                f"m0 where there are any, and heads with a channel, such as {next(iter(index))}."
            )
        found += [index[r] for r in several]
    if not found:
        raise InputError("No receiver was named; logits, or heads such as a2.h3<q>, would be right.")
    return sorted(set(found))
