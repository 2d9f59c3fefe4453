"""S-inhibition heads turn the name movers away from the name said twice (Wang et al. 2022, 3.2)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery import ablation_values
from circuitviz.discovery.direct_paths import DirectPaths
from circuitviz.errors import InputError
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
def score_s_inhibition_heads(probe: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Mean over name movers after the head of the fall in (attention to correct − to incorrect names),
    [heads, prompts]; NaN for heads after all of them, and for prompts without both names.
    """
    model, task = probe.model, probe.task
    right, wrong = (_answer_mask(task, answers) for answers in (task.correct, task.incorrect))
    usable = (right.any(1) & wrong.any(1)).cpu().numpy()
    if not usable.any():
        raise InputError(
            f"No prompt of '{task.name}' holds a correct and an incorrect answer, so there are no names "
            "that a name mover could choose between."
        )
    direction = right.double() - wrong.double()
    names, graph = head_names(model), model.graph
    sums, counts = np.zeros((len(names), len(task))), np.zeros(len(names))
    by_layer: dict[int, list[int]] = {}
    for name in probe.movers:
        node = graph.node(name)
        assert node.layer is not None and node.head is not None
        by_layer.setdefault(node.layer, []).append(node.head)
    values = ablation_values(model, task, probe.setting.ablation)
    done = 0
    for rows in split_batches(model, len(task), task.clean.shape[1], 2.0):
        part = task.subset(rows)
        run = PatchedRun(model, part.clean, part.lengths - 1, values(part))
        run.logits(graph.mask)
        for layer, heads in by_layer.items():
            before = np.array([i for i, name in enumerate(names) if (graph.node(name).layer or 0) < layer])
            if not len(before):
                continue
            falls = _preference_falls(
                probe, run, part, layer, heads, [names[i] for i in before], direction[rows]
            )
            sums[before[:, None], np.arange(rows.start, rows.stop)[None]] += falls
            counts[before] += len(heads) if rows.start == 0 else 0
        done += len(rows)
        yield Progress(done, len(task), f"queries of {', '.join(probe.movers)}")
    found = np.full_like(sums, np.nan)
    scored = counts > 0
    found[scored] = sums[scored] / counts[scored, None]
    found[:, ~usable] = np.nan
    return found


@torch.no_grad()
def _preference_falls(
    probe: RoleTestContext,
    run: PatchedRun,
    part: Task,
    layer: int,
    heads: list[int],
    senders: list[str],
    direction: Tensor,
) -> NDArray[np.float64]:
    """Summed over a layer's movers, the fall of their preference per sender and prompt."""
    model, graph = probe.model, probe.model.graph
    seen: list[Tensor] = []
    each = torch.arange(len(part), device=part.clean.device)

    def preference(pattern: Tensor) -> Tensor:
        """[copies, batch], summed over the movers, from patterns [copies · batch, head, query, key]."""
        split = pattern.view(-1, len(part), *pattern.shape[1:])[:, :, heads]
        last = split[:, each, :, (part.lengths - 1), :].double()  # advanced indices lead: [batch, copies, …]
        return torch.einsum("bchk,bk->cb", last, direction)

    with model.hooks({f"blocks.{layer}.attn.hook_pattern": seen.append}):
        model.logits(part.clean, part.lengths - 1)
        clean = preference(seen.pop())
        columns = [graph.receiver_index[f"a{layer}.h{head}<q>"] for head in heads]
        paths = DirectPaths(model, run, columns, recompute_mlps=False)
        found = []
        index = np.array([graph.sender_index[name] for name in senders])
        for _, _logits in paths.logits(index):
            found.append(clean - preference(seen.pop()))
            seen.clear()
    result: NDArray[np.float64] = torch.cat(found).cpu().numpy()
    return result


def _answer_mask(task: Task, answers: Tensor) -> Tensor:
    """Where each clean prompt holds one of its answers, [prompts, time]."""
    inside = torch.arange(task.clean.shape[1], device=answers.device)[None] < task.lengths[:, None]
    same = (task.clean[:, :, None] == answers[:, None, :]) & (answers >= 0)[:, None, :]
    return same.any(-1) & inside
