"""Activation patching: each node's exact effect on the metric, also position by position."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.partial_means import partial_means
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.graph import Scores
from circuitviz.models import Model, PatchedRun, record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.models.forward_overrides import ForwardOverrides
from circuitviz.models.sender_activations import mlp_row
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

FLOPS_PER_STEP = (
    2 * 10**10
)  # floating-point operations between two signs of progress: under a second on one core
FLOPS_PER_BLOCK = 2 * 10**9  # in one block, between two moments at which the work can be ended: under 200 ms


@dataclass(frozen=True)
class ActivationPatchingOptions:
    """What is patched at a time."""

    positions: bool = option(
        True, "also each node at each token position: the heat map, for as many times the work"
    )


@methods.register(
    "activation-patching",
    summary="Each node's exact effect, taken out on all its edges; also by token position",
    reference="Vig et al. 2020; Meng et al. 2022",
    options=ActivationPatchingOptions,
    select="nodes",
)
def activation_patching(setting: TaskSetting, options: ActivationPatchingOptions) -> ProgressSteps[Scores]:
    """s(u) = L(full model) − L(full model with u's output replaced by its ablation value).

    ``positions`` hold the same with the output replaced at one position only, [senders, time]. An edge gets
    an equal share of its sender's effect, so that a node's edges add up to it. Source: [vig2020mediation],
    [meng2022locating].
    """
    model, task = setting.model, setting.task
    values = ablation_values(model, task, setting.ablation)
    senders, time = len(model.graph.senders), task.clean.shape[1]
    nodes, places, done = np.zeros(senders), np.zeros((senders, time)), 0

    def scores(effects: np.ndarray, at: np.ndarray, unfinished: bool) -> Scores:
        """From mean effects by sender, and by sender and position."""
        mask = model.graph.mask
        shared = effects / np.maximum(mask.sum(axis=1), 1)
        by_position = at if options.positions else None
        spread = np.where(mask, shared[:, None], 0.0)
        return Scores(model.graph, spread, "activation-patching", partial=unfinished, positions=by_position)

    def work(rows: range) -> ProgressSteps[None]:
        nonlocal done
        part = task.subset(rows)
        at = part.lengths - 1
        reference = record_activations(model, part.clean, at).logits
        run = PatchedRun(model, part.clean, at, values(part))
        whole = setting.compute_metric(run.logits(model.graph.mask), part, reference).double().sum()
        found, by_position = np.zeros(senders), np.zeros((senders, time))
        wanted: list[tuple[int, int | None]] = [(node, None) for node in range(senders)]
        if options.positions:  # before ``begin`` nothing is different
            wanted += [(u, t) for u in range(senders) for t in range(run.first_changed_position, time)]
        wanted.sort(key=lambda pair: pair[0])
        number = 0
        measured, placed = np.zeros(senders, dtype=bool), np.zeros((senders, time), dtype=bool)
        for group, logits in _patched_logits(model, run, wanted):
            each = (
                whole.cpu().numpy()
                - setting.compute_metric_of_copies(logits, part, reference).sum(1).cpu().numpy()
            )
            for (node, position), effect in zip(group, each, strict=True):
                if position is None:
                    found[node], measured[node] = effect, True
                else:
                    by_position[node, position], placed[node, position] = effect, True
            number += len(group)
            share = (done + len(part) * number / len(wanted)) / len(task)
            partial_scores = scores(
                partial_means(nodes, done, found, len(part), measured),
                partial_means(places, done, by_position, len(part), placed),
                True,
            )
            message = f"{model.graph.senders[group[-1][0]]}, {share:.0%} of all"
            yield Progress(share * len(wanted), len(wanted), message, partial_scores)
        nodes[:] += found
        places[:] += by_position
        done += len(part)

    yield from run_in_batches(model, len(task), time, work)
    return scores(nodes / len(task), places / len(task), False)


@torch.no_grad()
def _patched_logits(
    model: Model, run: PatchedRun, targets: list[tuple[int, int | None]]
) -> Iterator[tuple[list[tuple[int, int | None]], Tensor]]:
    """Logits [nodes · batch, vocabulary] with each (node, position) replaced, layer by layer."""
    model.block_calls(run.tokens.shape[1])
    block = model.shape.n_heads + model.shape.mlp
    for layer in range(-1, model.shape.n_layers):
        inside = [pair for pair in targets if (pair[0] - 1) // block == layer]
        start = max(layer, 0)
        size = min(run.max_variants(start), _copies_per_step(run, start))
        for first in range(0, len(inside), size):
            group = inside[first : first + size]
            less = _removed_output(run, group)
            stream = run.fully_ablated.resid_start if start == 0 else run.resid_pre[start]
            copies = stream.expand(len(group), *stream.shape).flatten(0, 1)
            edits = ForwardOverrides()
            if layer < 0:
                copies = copies - less
            else:
                is_mlp = torch.tensor([model.shape.mlp and u == mlp_row(model, layer) for u, _ in group])
                is_mlp = is_mlp.to(less.device).repeat_interleave(len(stream))[:, None, None]
                weights = model.layers[layer]
                edits.hooks[weights.attn_out_hook] = partial(_subtract, less * ~is_mlp)
                if model.shape.mlp:
                    edits.hooks[weights.mlp_out_hook] = partial(_subtract, less * is_mlp)
            yield group, model.logits_from_layer(copies, start, run.positions.repeat(len(group)), edits)


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
    beyond = run.deltas.select(rows)
    chosen = beyond[torch.from_numpy(np.searchsorted(rows, [node for node, _ in group]))]
    less = chosen.new_zeros(*chosen.shape[:2], run.tokens.shape[1], chosen.shape[-1])
    less[:, :, run.first_changed_position :] = chosen
    for number, (_, position) in enumerate(group):
        if position is not None:
            kept = less[number, :, position].clone()
            less[number] = 0
            less[number, :, position] = kept
    return less.flatten(0, 1)


def _subtract(removed: Tensor, written: Tensor) -> Tensor:
    return written - removed
