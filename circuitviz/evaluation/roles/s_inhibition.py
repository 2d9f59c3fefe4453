"""Role test: S-inhibition heads turn name movers away from the repeated name [wang2023ioi]."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import ablation_values
from circuitviz.discovery.direct_paths import DirectPaths
from circuitviz.errors import InputError
from circuitviz.evaluation.roles.copying import answer_mask
from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, head_names, role_tests
from circuitviz.models import PatchedRun
from circuitviz.models.batching import split_batches
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task


@role_tests.register(
    "s-inhibition",
    summary="how much less the name movers prefer the right name over the wrong one, from the last token, "
    "once the head's direct path to their queries is ablated",
    reference="Wang et al. 2022, section 3.2",
    role="S-Inhibition",
    unit="attention",
    least=0.05,
)
def score_s_inhibition_heads(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return the fall of the name movers' preference without each head, [heads, prompts].

    Preference is attention of the name movers to correct minus attention to incorrect names, from the last
    token; the head's direct path to the name movers' queries is ablated. NaN for heads after all name
    movers, and for prompts without both names.

    Raises:
        InputError: No prompt holds both names.
    """
    model, task = context.model, context.task
    is_correct, is_incorrect = (answer_mask(task, answers) for answers in (task.correct, task.incorrect))
    usable = (is_correct.any(1) & is_incorrect.any(1)).cpu().numpy()
    if not usable.any():
        raise InputError(
            f"No prompt of '{task.name}' holds a correct and an incorrect answer, so there are no names "
            "that a name mover could choose between."
        )
    direction = is_correct.double() - is_incorrect.double()
    names, graph = head_names(model), model.graph
    sums, counts = np.zeros((len(names), len(task))), np.zeros(len(names))
    by_layer: dict[int, list[int]] = {}
    for name in context.name_movers:
        node = graph.node(name)
        assert node.layer is not None and node.head is not None
        by_layer.setdefault(node.layer, []).append(node.head)
    values = ablation_values(model, task, context.setting.ablation)
    n_done = 0
    for rows in split_batches(model, len(task), task.clean.shape[1], 2.0):
        batch = task.subset(rows)
        run = PatchedRun(model, batch.clean, batch.lengths - 1, values(batch))
        run.logits(graph.mask)
        for layer, heads in by_layer.items():
            earlier_heads = np.array(
                [i for i, name in enumerate(names) if (graph.node(name).layer or 0) < layer]
            )
            if not len(earlier_heads):
                continue
            batch_falls = _preference_falls(
                context, run, batch, layer, heads, [names[i] for i in earlier_heads], direction[rows]
            )
            sums[earlier_heads[:, None], np.arange(rows.start, rows.stop)[None]] += batch_falls
            counts[earlier_heads] += len(heads) if rows.start == 0 else 0
        n_done += len(rows)
        yield Progress(n_done, len(task), f"queries of {', '.join(context.name_movers)}")
    scores = np.full_like(sums, np.nan)
    scored = counts > 0
    scores[scored] = sums[scored] / counts[scored, None]
    scores[:, ~usable] = np.nan
    return scores


@torch.no_grad()
def _preference_falls(
    context: RoleTestContext,
    run: PatchedRun,
    batch: Task,
    layer: int,
    heads: list[int],
    senders: list[str],
    direction: Tensor,
) -> NDArray[np.float64]:
    """Return, summed over a layer's name movers, the fall of their preference, [senders, prompts]."""
    model, graph = context.model, context.model.graph
    patterns: list[Tensor] = []
    batch_index = torch.arange(len(batch), device=batch.clean.device)

    def preference(pattern: Tensor) -> Tensor:
        """[copies, batch], summed over the movers, from patterns [copies · batch, head, query, key]."""
        by_copy = pattern.view(-1, len(batch), *pattern.shape[1:])[:, :, heads]
        # separated advanced indices come first: [batch, copies, …]
        weights = by_copy[:, batch_index, :, (batch.lengths - 1), :].double()
        return torch.einsum("bchk,bk->cb", weights, direction)

    with model.hooks({f"blocks.{layer}.attn.hook_pattern": patterns.append}):
        model.logits(batch.clean, batch.lengths - 1)
        clean = preference(patterns.pop())
        columns = [graph.receiver_index[f"a{layer}.h{head}<q>"] for head in heads]
        paths = DirectPaths(model, run, columns, recompute_mlps=False)
        falls = []
        index = np.array([graph.sender_index[name] for name in senders])
        for _, _logits in paths.logits(index):
            falls.append(clean - preference(patterns.pop()))
            patterns.clear()
    result: NDArray[np.float64] = torch.cat(falls).cpu().numpy()
    return result
