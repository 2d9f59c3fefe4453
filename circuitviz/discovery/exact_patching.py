"""Exact edge patching: the effect of every edge, by ablating each alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import DeviceResults, FetchTimer
from circuitviz.discovery.partial_means import partial_means
from circuitviz.discovery.preselection import PreselectionOptions, check_preselection, preselect_edges
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import PassCount, count_edge_passes
from circuitviz.errors import InputError
from circuitviz.graph import BoolMatrix, Scores
from circuitviz.graph.names import split_span
from circuitviz.models import record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps


@dataclass(frozen=True)
class ExactOptions(PreselectionOptions):
    """Which edges to score, where all would take too long."""

    receivers: str = option("all", "receivers to score, separated by commas, such as logits,a2.h3<q>")


@methods.register(
    "exact",
    summary="Exact edge patching: every edge ablated alone, all edges into a receiver in one batch",
    reference="Goldowsky-Dill et al. 2023",
    use="The reference for other methods, on small models, chosen receivers or preselected edges",
    options=ExactOptions,
    by_span=True,
    check=lambda setting, options: check_preselection(setting, options.preselect),
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def exact_edge_patching(setting: TaskSetting, options: ExactOptions) -> ProgressSteps[Scores]:
    """s(u→v) = L(full model) − L(full model with the one edge ablated), mean over prompts.

    By span, an edge is ablated at the tokens of one span alone; the effects of its spans need not add up.
    Receivers go from the logits upstream, so that the quickest restarts come first. Source:
    [goldowskydill2023path].
    """
    edges = yield from preselect_edges(setting, options.preselect)
    edges = edges & _edges_of_receivers(setting, options.receivers)
    if not edges.any():
        raise InputError(
            f"None of the {options.preselect:,} edges that EAP chooses (preselect) leads to a receiver of "
            f"'{options.receivers}' (receivers); more edges or other receivers would be right."
        )
    scores = yield from measure_edge_effects(setting, [(int(s), int(r)) for s, r in np.argwhere(edges)])
    return scores if edges.sum() == setting.graph.n_edges else replace(scores, examined=edges)


def _edges_of_receivers(setting: TaskSetting, receivers: str) -> BoolMatrix:
    graph = setting.graph
    if receivers == "all":
        return graph.mask
    edges = np.zeros_like(graph.mask)
    columns = parse_receivers(setting, receivers)
    edges[:, columns] = graph.mask[:, columns]
    return edges


def _count_passes(setting: TaskSetting, options: ExactOptions) -> PassCount:
    """Each edge is a run from its receiver's layer on, beside clean, corrupted and fully ablated runs."""
    return count_edge_passes(setting, _edges_of_receivers(setting, options.receivers), options.preselect)


def measure_edge_effects(setting: TaskSetting, edges: Iterable[tuple[int, int]]) -> ProgressSteps[Scores]:
    """Exact effects of chosen edges; all others stay 0.

    Args:
        setting: Model, task, metric and ablation.
        edges: (row of the sender, column of the receiver) of each edge.
    """
    model, task, graph = setting.model, setting.task, setting.graph
    values_for = ablation_values(model, task, setting.ablation)
    edge_mask = np.zeros_like(graph.mask)
    for sender, receiver in edges:
        edge_mask[sender, receiver] = True
    receivers = [int(r) for r in np.flatnonzero(edge_mask.any(axis=0))[::-1]]
    n_edges, total, prompts_done = int(edge_mask.sum()), np.zeros(graph.mask.shape), 0
    timer = FetchTimer(model.device)

    def run_batch(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask, results, n_measured = task.subset(rows), DeviceResults(total.shape), 0
        reference = record_activations(model, subtask.clean, subtask.lengths - 1).logits
        run = setting.make_run(subtask, values_for(subtask))
        clean_metric = setting.compute_metric(run.logits(graph.mask), subtask, reference).double().sum()
        for receiver in receivers:
            senders = np.flatnonzero(edge_mask[:, receiver])
            if not run.can_change(receiver):
                results.add((senders, receiver), clean_metric.new_zeros(len(senders)))
                n_measured += len(senders)
                continue
            columns = leave_one_out_columns(graph.mask[:, receiver], senders)
            for variants, logits in run.variants(graph.mask, receiver, columns):
                metrics = setting.compute_metric_of_copies(logits, subtask, reference).sum(1)
                results.add((senders[variants.start : variants.stop], receiver), clean_metric - metrics)
                n_measured += len(variants)
                share = (prompts_done + len(subtask) * n_measured / n_edges) / len(task)
                partial = None
                if variants.stop == len(senders) and timer.is_due():
                    results.fetch()
                    means = partial_means(
                        total, prompts_done, results.values, len(subtask), results.is_fetched
                    )
                    partial = Scores(graph, means, "exact", partial=True)
                n_examined = n_edges if prompts_done else n_measured
                prompts = f"{prompts_done + len(subtask)} of {len(task)} prompts"
                message = f"{n_examined:,} of {n_edges:,} edges examined, {prompts}"
                yield Progress(share * n_edges, n_edges, message, partial)
        results.fetch()
        total[:] += results.values
        prompts_done += len(subtask)

    yield from run_in_batches(model, len(task), task.clean.shape[1], run_batch)
    return Scores(graph, total / len(task), "exact")


def leave_one_out_columns(
    column: BoolMatrix, senders: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> BoolMatrix:
    """A receiver's edges [senders] with one of them removed at a time, bool [variants, senders]."""
    columns = np.repeat(column[None], len(senders), axis=0)
    columns[np.arange(len(senders)), senders] = False
    return columns


def parse_receivers(setting: TaskSetting, names: str) -> list[int]:
    """Columns of receivers given by name; ``a9.h9`` stands for its q, k and v, by span at all spans.

    Args:
        setting: Model, task, metric and ablation.
        names: Names with commas between them.

    Raises:
        InputError: A name is no receiver of the model.
    """
    index, columns = setting.graph.receiver_index, list[int]()
    for name in (part.strip() for part in names.split(",") if part.strip()):
        several = [r for r in index if name in _names_of_receiver(r)]
        if not several:
            raise InputError(
                f"There is no receiver '{name}' in this model; receivers are logits, MLPs such as "
                f"m0 where there are any, and heads with a channel, such as {next(iter(index))}."
            )
        columns += [index[r] for r in several]
    if not columns:
        raise InputError("No receiver was named; logits, or heads such as a2.h3<q>, would be right.")
    return sorted(set(columns))


def _names_of_receiver(receiver: str) -> set[str]:
    """What asks for a receiver: for ``a9.h9@S2<k>`` also ``a9.h9<k>``, ``a9.h9@S2`` and ``a9.h9``."""
    node, _, channel = receiver.partition("<")
    component = split_span(node)[0]
    return {receiver, node, component, f"{component}<{channel}" if channel else component}
