"""What nodes count for a target through attention scores, over all paths, and those that count most."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.features.attention_contributors import SIDES, AttentionContributors, AttentionScores
from circuitviz.features.forward_order import attention_read_stage, attention_write_stage
from circuitviz.features.frozen_effects import (
    FixedNodes,
    effect_of_head_values,
    sweep_backwards,
    total_effects_by_stage,
)
from circuitviz.features.node_rows import NODE_KINDS, NodeTable
from circuitviz.features.targets import Target


@torch.no_grad()
def effects_through_scores(table: NodeTable, at_stage: dict[int, Tensor]) -> Tensor:
    """Return what each node counts for a target through attention scores, over all paths.

    The sum of both sides is what a node counts where patterns respond, minus what it counts where they are
    held. A path through several scores is counted at the first one.

    Args:
        table: The nodes of the prompt.
        at_stage: Vectors by stage where patterns respond (``total_effects_by_stage``).

    Returns:
        [sides, nodes], through queries and through keys.
    """
    fixed, read = FixedNodes(), dict[int, Tensor]()
    for layer in range(table.run.model.shape.n_layers):
        scores = AttentionScores(table.run, layer)
        effect = effect_of_head_values(table, layer, at_stage[attention_write_stage(layer)], fixed)
        read[attention_read_stage(layer)] = scores.pull_back(scores.effect_of_scores(effect))
    sides = range(len(SIDES))
    return torch.stack([sweep_backwards(table, {s: v[n] for s, v in read.items()}, fixed)[0] for n in sides])


def attention_contributors(
    table: NodeTable,
    target: Target,
    number: int,
    leave_out: NDArray[np.intp],
    gate: str = "absolute",
) -> AttentionContributors:
    """Return the nodes that count most for a target through attention scores, over all paths.

    A node's effect is what it counts for the target where patterns respond, minus what it counts where they
    are held.

    Args:
        table: The nodes of the prompt.
        target: The target.
        number: How many.
        leave_out: Rows of nodes that are not to be among them; biases and position embeddings are not either.
        gate: ``absolute``, or ``signed`` for nodes with a positive effect alone.
    """
    _, at_stage = total_effects_by_stage(table, target, through_scores=True)
    by_side = effects_through_scores(table, at_stage).double().cpu().numpy()
    sizes = by_side.sum(0)
    sizes = np.abs(sizes) if gate == "absolute" else sizes.clip(0)
    sizes[leave_out] = 0
    fixed = [i for i, kind in enumerate(NODE_KINDS) if kind.is_fixed]
    sizes[np.isin(table.kind, fixed)] = 0
    best = np.sort(np.argsort(-sizes, kind="stable")[: min(number, int((sizes > 0).sum()))])
    return AttentionContributors(best, by_side)
