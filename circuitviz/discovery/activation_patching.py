"""Activation patching: each node's exact effect on the metric, also position by position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import DeviceResults, FetchTimer
from circuitviz.discovery.partial_means import partial_means
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import PassCount, share_from_layer
from circuitviz.graph import Scores
from circuitviz.models import Model, PatchedRun, record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.models.forward_overrides import ForwardOverrides
from circuitviz.models.sender_activations import mlp_row
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

FLOPS_PER_STEP = 2 * 10**10  # between two progress reports: under 1 s on one core
FLOPS_PER_BLOCK = 2 * 10**9  # between two points of cancellation: under 200 ms
ALL_POSITIONS = -1  # a node is replaced at all positions


@dataclass(frozen=True)
class ActivationPatchingOptions:
    """What is patched at a time."""

    positions: bool = option(True, "also patch each node at each token position (the heat map); much slower")


@methods.register(
    "activation-patching",
    summary="Exact effect of ablating each node on all its edges; also by token position",
    reference="Vig et al. 2020; Meng et al. 2022",
    use="For a first look at which heads and MLPs matter, exactly, in as many runs as there are nodes",
    options=ActivationPatchingOptions,
    select="nodes",
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def activation_patching(setting: TaskSetting, options: ActivationPatchingOptions) -> ProgressSteps[Scores]:
    """s(u) = L(full model) − L(full model with u's output replaced by its ablation value).

    ``positions`` hold the same with the output replaced at one position only, [senders, time]. An edge gets
    an equal share of its sender's effect, so that a node's edges add up to it. Source: [vig2020mediation],
    [meng2022locating].
    """
    model, task = setting.model, setting.task
    values_for = ablation_values(model, task, setting.ablation)
    senders, time = len(model.graph.senders), task.clean.shape[1]
    total, prompts_done = np.zeros((senders, 1 + time)), 0  # at all positions, then at each
    timer = FetchTimer(model.device)

    def scores(effects: np.ndarray, is_partial: bool) -> Scores:
        """From mean effects, [senders, 1 + time]."""
        mask = model.graph.mask
        shared = effects[:, 0] / np.maximum(mask.sum(axis=1), 1)
        shown_positions = effects[:, 1:] if options.positions else None
        edge_effects = np.where(mask, shared[:, None], 0.0)
        return Scores(
            model.graph, edge_effects, "activation-patching", partial=is_partial, positions=shown_positions
        )

    def run_batch(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask = task.subset(rows)
        positions = subtask.lengths - 1
        reference = record_activations(model, subtask.clean, positions).logits
        run = PatchedRun(model, subtask.clean, positions, values_for(subtask))
        clean_metric = setting.compute_metric(run.logits(model.graph.mask), subtask, reference).double().sum()
        results = DeviceResults(total.shape)
        targets = [(node, ALL_POSITIONS) for node in range(senders)]
        if options.positions:  # no delta before the first changed position
            targets += [(u, t) for u in range(senders) for t in range(run.first_changed_position, time)]
        targets.sort(key=lambda pair: pair[0])
        n_done = 0
        for group, logits in _patched_logits(model, run, targets):
            metrics = setting.compute_metric_of_copies(logits, subtask, reference).sum(1)
            nodes, where = np.array(group).T
            results.add((nodes, where + 1), clean_metric - metrics)
            n_done += len(group)
            share = (prompts_done + len(subtask) * n_done / len(targets)) / len(task)
            partial_scores = None
            if timer.is_due():
                results.fetch()
                partial_scores = scores(
                    partial_means(total, prompts_done, results.values, len(subtask), results.is_fetched), True
                )
            message = f"{model.graph.senders[group[-1][0]]}, {share:.0%} of all"
            yield Progress(share * len(targets), len(targets), message, partial_scores)
        results.fetch()
        total[:] += results.values
        prompts_done += len(subtask)

    yield from run_in_batches(model, len(task), time, run_batch)
    return scores(total / len(task), False)


def _count_passes(setting: TaskSetting, options: ActivationPatchingOptions) -> PassCount:
    """Each node, and each node at each position that differs, is a run from the node's layer on."""
    graph, task = setting.model.graph, setting.task
    layers = np.array([max(node.layer or 0, 0) for node in graph.nodes[: len(graph.senders)]])
    first_position = task.first_changed_position if setting.ablation == "corrupted" else 0
    runs_per_node = 1 + (task.clean.shape[1] - first_position) * options.positions
    return PassCount(4 + runs_per_node * float(share_from_layer(graph, layers).sum()))


@torch.no_grad()
def _patched_logits(
    model: Model, run: PatchedRun, targets: list[tuple[int, int]]
) -> Iterator[tuple[list[tuple[int, int]], Tensor]]:
    """Logits [nodes · batch, vocabulary] with each (node, position) replaced, layer by layer."""
    model.block_calls(run.tokens.shape[1])
    nodes_per_layer = model.shape.n_heads + model.shape.mlp
    for layer in range(-1, model.shape.n_layers):
        layer_targets = [pair for pair in targets if (pair[0] - 1) // nodes_per_layer == layer]
        start = max(layer, 0)
        size = min(run.max_variants(start), _copies_per_step(run, start))
        for first in range(0, len(layer_targets), size):
            group = layer_targets[first : first + size]
            removed, is_mlp = _removed_output(run, group, mlp_row(model, layer) if model.shape.mlp else -1)
            stream = run.fully_ablated.resid_start if start == 0 else run.resid_pre[start]
            copies = stream.expand(len(group), *stream.shape).flatten(0, 1)
            overrides = ForwardOverrides()
            if layer < 0:
                copies = copies - removed
            else:
                weights = model.layers[layer]
                overrides.hooks[weights.attn_out_hook] = partial(_subtract, removed * ~is_mlp)
                if model.shape.mlp:
                    overrides.hooks[weights.mlp_out_hook] = partial(_subtract, removed * is_mlp)
            yield group, model.logits_from_layer(copies, start, run.positions.repeat(len(group)), overrides)


def _copies_per_step(run: PatchedRun, start: int) -> int:
    """Number of copies that run at once, limited on CPU so that progress and cancelling stay quick."""
    if run.model.device.type != "cpu":
        return 64
    shape = run.model.shape
    block = 24 * shape.d_model**2 * run.tokens.numel()
    return max(1, min(FLOPS_PER_STEP // (block * (shape.n_layers - start)), FLOPS_PER_BLOCK // block))


def _removed_output(run: PatchedRun, group: list[tuple[int, int]], mlp: int) -> tuple[Tensor, Tensor]:
    """What replacing a node removes from the stream, and which copies replace an MLP.

    Args:
        run: The run.
        group: Sender and position of each copy.
        mlp: Row of the layer's MLP; −1 without one.

    Returns:
        [nodes · batch, time, d_model], and bool [nodes · batch, 1, 1].
    """
    nodes, positions = np.array(group).T
    rows = np.unique(nodes)
    deltas = run.deltas.select(rows)
    # one copy to the device for each pass
    numbers = np.stack([np.searchsorted(rows, nodes), positions, nodes == mlp])
    index, position, is_mlp = torch.from_numpy(numbers).to(deltas.device)
    removed = deltas.new_zeros(len(group), deltas.shape[1], run.tokens.shape[1], deltas.shape[-1])
    removed[:, :, run.first_changed_position :] = deltas.index_select(0, index)
    times = torch.arange(run.tokens.shape[1], device=deltas.device)
    is_other = (position[:, None] != ALL_POSITIONS) & (position[:, None] != times)
    removed.masked_fill_(is_other[:, None, :, None], 0)
    is_mlp = is_mlp.bool()[:, None].expand(-1, deltas.shape[1]).reshape(-1, 1, 1)
    return removed.flatten(0, 1), is_mlp


def _subtract(removed: Tensor, written: Tensor) -> Tensor:
    return written - removed
