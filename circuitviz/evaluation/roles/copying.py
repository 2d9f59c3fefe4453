"""Role test: name movers copy the name that they attend to; negative ones write against it [wang2023ioi]."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, head_names, role_tests
from circuitviz.models import Model
from circuitviz.models.batching import split_batches
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.tasks import Task

TOP_TOKENS = 5


@role_tests.register(
    "name-mover",
    summary=f"copying score: how often a name is among the {TOP_TOKENS} tokens that the head writes most "
    "when it looks at that name",
    reference="Wang et al. 2022, section 3.1",
    role="Name Mover",
    unit="share",
    least=0.5,
)
def score_name_movers(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return the share of each prompt's names that each head copies, [heads, prompts]."""
    return (yield from _copying_scores(context, 1.0))


@role_tests.register(
    "negative-name-mover",
    summary=f"negative copying score: how often a name is among the {TOP_TOKENS} tokens that the head writes "
    "against most when it looks at that name",
    reference="Wang et al. 2022, section 3.1",
    role="Negative Name Mover",
    unit="share",
    least=0.5,
)
def score_negative_name_movers(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return the same for the head's negated output, [heads, prompts]."""
    return (yield from _copying_scores(context, -1.0))


def answer_mask(task: Task, answers: Tensor) -> Tensor:
    """Return which tokens of the clean prompts are one of the prompt's answers, bool [prompts, time].

    Args:
        task: The prompts.
        answers: Token ids [prompts, answers], −1 for none.
    """
    is_real = torch.arange(task.clean.shape[1], device=answers.device)[None] < task.lengths[:, None]
    is_same = (task.clean[:, :, None] == answers[:, None, :]) & (answers >= 0)[:, None, :]
    return is_same.any(-1) & is_real


def _copying_scores(context: RoleTestContext, sign: float) -> ProgressSteps[HeadScores]:
    model, task = context.model, context.task
    answers = torch.cat([task.correct, task.incorrect], dim=1)
    rows, positions = answer_mask(task, answers).nonzero(as_tuple=True)
    if not len(rows):
        raise InputError(
            f"No answer stands in the prompts of '{task.name}', so there is no name that a head could copy."
        )
    names = task.clean[rows, positions]
    states = _states_after_first_block(model, task, rows, positions)
    scores = np.full((len(head_names(model)), len(task)), np.nan)
    copied = torch.stack(_copied_names(model, states, names, sign)).double().cpu()
    rows = rows.cpu()
    counts = torch.bincount(rows, minlength=len(task)).numpy()
    for number, hits in enumerate(copied):
        sums = torch.zeros(len(task), dtype=torch.double).index_add_(0, rows, hits)
        scores[number, counts > 0] = sums.numpy()[counts > 0] / counts[counts > 0]
        yield Progress(number + 1, len(scores), "copying")
    return scores


@torch.no_grad()
def _states_after_first_block(model: Model, task: Task, rows: Tensor, positions: Tensor) -> Tensor:
    """Return the residual stream after the first block at each name, [names, d_model]."""
    point = "blocks.1.hook_in" if model.shape.n_layers > 1 else "ln_final.hook_in"
    states, captured = [], list[Tensor]()
    for batch in split_batches(model, len(task), task.clean.shape[1]):
        batch_task = task.subset(batch)
        with model.hooks({point: captured.append}):
            model.logits(batch_task.clean, batch_task.lengths - 1)
        is_in_batch = (rows >= batch.start) & (rows < batch.stop)
        states.append(captured.pop()[rows[is_in_batch] - batch.start, positions[is_in_batch]])
    return torch.cat(states)


@torch.no_grad()
def _copied_names(model: Model, states: Tensor, names: Tensor, sign: float) -> list[Tensor]:
    """Return for each head whether each name is among the top tokens of its OV output there, [names]."""
    copied = []
    for weights in model.layers:
        inputs = states[None].expand(len(weights.v), -1, -1).contiguous()
        values = weights.attn_norm.project(inputs, weights.v, weights.v_bias)
        for head in range(model.shape.n_heads):
            output = sign * (values[head // model.shape.queries_per_kv_head] @ weights.o[head])
            logits = model.unembed(output)
            name_logits = logits.gather(1, names[:, None])
            # ties count against a name, so that a head that writes nothing copies none
            copied.append((logits >= name_logits).sum(-1) <= TOP_TOKENS)
    return copied
