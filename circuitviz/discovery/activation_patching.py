"""Activation patching: each node's exact effect on the metric, also position by position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery.batch_ablation_values import ablation_values
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


@dataclass(frozen=True)
class ActivationPatchingOptions:
    """What is patched at a time."""

    positions: bool = option(True, "also patch each node at each token position (the heat map); much slower")


@methods.register(
    "activation-patching",
    summary="Exact effect of ablating each node on all its edges; also by token position",
    reference="Vig et al. 2020; Meng et al. 2022",
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
    node_effects, position_effects, prompts_done = np.zeros(senders), np.zeros((senders, time)), 0

    def scores(effects: np.ndarray, effects_by_position: np.ndarray, is_partial: bool) -> Scores:
        """From mean effects by sender, and by sender and position."""
        mask = model.graph.mask
        shared = effects / np.maximum(mask.sum(axis=1), 1)
        shown_positions = effects_by_position if options.positions else None
        edge_effects = np.where(mask, shared[:, None], 0.0)
        return Scores(
            model.graph, edge_effects, "activation-patching", partial=is_partial, positions=shown_positions
        )

    def work(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask = task.subset(rows)
        positions = subtask.lengths - 1
        reference = record_activations(model, subtask.clean, positions).logits
        run = PatchedRun(model, subtask.clean, positions, values_for(subtask))
        clean_metric = setting.compute_metric(run.logits(model.graph.mask), subtask, reference).double().sum()
        batch_effects, batch_position_effects = np.zeros(senders), np.zeros((senders, time))
        targets: list[tuple[int, int | None]] = [(node, None) for node in range(senders)]
        if options.positions:  # no delta before the first changed position
            targets += [(u, t) for u in range(senders) for t in range(run.first_changed_position, time)]
        targets.sort(key=lambda pair: pair[0])
        n_done = 0
        measured, measured_positions = np.zeros(senders, dtype=bool), np.zeros((senders, time), dtype=bool)
        for group, logits in _patched_logits(model, run, targets):
            effects = (
                clean_metric.cpu().numpy()
                - setting.compute_metric_of_copies(logits, subtask, reference).sum(1).cpu().numpy()
            )
            for (node, position), effect in zip(group, effects, strict=True):
                if position is None:
                    batch_effects[node], measured[node] = effect, True
                else:
                    batch_position_effects[node, position], measured_positions[node, position] = effect, True
            n_done += len(group)
            share = (prompts_done + len(subtask) * n_done / len(targets)) / len(task)
            partial_scores = scores(
                partial_means(node_effects, prompts_done, batch_effects, len(subtask), measured),
                partial_means(
                    position_effects, prompts_done, batch_position_effects, len(subtask), measured_positions
                ),
                True,
            )
            message = f"{model.graph.senders[group[-1][0]]}, {share:.0%} of all"
            yield Progress(share * len(targets), len(targets), message, partial_scores)
        node_effects[:] += batch_effects
        position_effects[:] += batch_position_effects
        prompts_done += len(subtask)

    yield from run_in_batches(model, len(task), time, work)
    return scores(node_effects / len(task), position_effects / len(task), False)


def _count_passes(setting: TaskSetting, options: ActivationPatchingOptions) -> PassCount:
    """Each node, and each node at each position that differs, is a run from the node's layer on."""
    graph, task = setting.model.graph, setting.task
    layers = np.array([max(node.layer or 0, 0) for node in graph.nodes[: len(graph.senders)]])
    differs = (task.clean != task.corrupted).any(0).nonzero()
    n_positions = task.clean.shape[1]
    n_changed = (
        n_positions - int(differs[0, 0]) if setting.ablation == "corrupted" and len(differs) else n_positions
    )
    runs_per_node = 1 + n_changed * options.positions
    return PassCount(4 + runs_per_node * float(share_from_layer(graph, layers).sum()))


@torch.no_grad()
def _patched_logits(
    model: Model, run: PatchedRun, targets: list[tuple[int, int | None]]
) -> Iterator[tuple[list[tuple[int, int | None]], Tensor]]:
    """Logits [nodes · batch, vocabulary] with each (node, position) replaced, layer by layer."""
    model.block_calls(run.tokens.shape[1])
    nodes_per_layer = model.shape.n_heads + model.shape.mlp
    for layer in range(-1, model.shape.n_layers):
        layer_targets = [pair for pair in targets if (pair[0] - 1) // nodes_per_layer == layer]
        start = max(layer, 0)
        size = min(run.max_variants(start), _copies_per_step(run, start))
        for first in range(0, len(layer_targets), size):
            group = layer_targets[first : first + size]
            removed = _removed_output(run, group)
            stream = run.fully_ablated.resid_start if start == 0 else run.resid_pre[start]
            copies = stream.expand(len(group), *stream.shape).flatten(0, 1)
            overrides = ForwardOverrides()
            if layer < 0:
                copies = copies - removed
            else:
                is_mlp = torch.tensor([model.shape.mlp and u == mlp_row(model, layer) for u, _ in group])
                is_mlp = is_mlp.to(removed.device).repeat_interleave(len(stream))[:, None, None]
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


def _removed_output(run: PatchedRun, group: list[tuple[int, int | None]]) -> Tensor:
    """What replacing a node removes from the stream, [nodes · batch, time, d_model]."""
    rows = np.unique([node for node, _ in group])
    deltas = run.deltas.select(rows)
    chosen = deltas[torch.from_numpy(np.searchsorted(rows, [node for node, _ in group]))]
    removed = chosen.new_zeros(*chosen.shape[:2], run.tokens.shape[1], chosen.shape[-1])
    removed[:, :, run.first_changed_position :] = chosen
    for copy, (_, position) in enumerate(group):
        if position is not None:
            position_delta = removed[copy, :, position].clone()
            removed[copy] = 0
            removed[copy, :, position] = position_delta
    return removed.flatten(0, 1)


def _subtract(removed: Tensor, written: Tensor) -> Tensor:
    return written - removed
