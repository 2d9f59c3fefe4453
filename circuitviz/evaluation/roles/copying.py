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
    "when it "
    "looks at that name",
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


def answer_positions(task: Task) -> tuple[Tensor, Tensor]:
    """Return (prompt, position) of every token of the clean prompts that is one of the prompt's answers."""
    answers = torch.cat([task.correct, task.incorrect], dim=1)
    real = torch.arange(task.clean.shape[1], device=task.clean.device)[None] < task.lengths[:, None]
    same = (task.clean[:, :, None] == answers[:, None, :]) & (answers >= 0)[:, None, :]
    rows, places = (same.any(-1) & real).nonzero(as_tuple=True)
    return rows, places


def _copying_scores(context: RoleTestContext, sign: float) -> ProgressSteps[HeadScores]:
    model, task = context.model, context.task
    rows, places = answer_positions(task)
    if not len(rows):
        raise InputError(
            f"No answer stands in the prompts of '{task.name}', so there is no name that a head could copy."
        )
    names = task.clean[rows, places]
    states = _states_after_first_block(model, task, rows, places)
    scores = np.full((len(head_names(model)), len(task)), np.nan)
    counts = torch.bincount(rows, minlength=len(task)).cpu().numpy()
    for number, hits in enumerate(_copied_names(model, states, names, sign)):
        sums = torch.zeros(len(task), dtype=torch.double).index_add_(0, rows.cpu(), hits.double().cpu())
        scores[number, counts > 0] = sums.numpy()[counts > 0] / counts[counts > 0]
        yield Progress(number + 1, len(scores), "copying")
    return scores


@torch.no_grad()
def _states_after_first_block(model: Model, task: Task, rows: Tensor, places: Tensor) -> Tensor:
    """Return the residual stream after the first block at each name, [names, d_model]."""
    point = "blocks.1.hook_in" if model.shape.n_layers > 1 else "ln_final.hook_in"
    states, captured = [], list[Tensor]()
    for batch in split_batches(model, len(task), task.clean.shape[1]):
        part = task.subset(batch)
        with model.hooks({point: captured.append}):
            model.logits(part.clean, part.lengths - 1)
        inside = (rows >= batch.start) & (rows < batch.stop)
        states.append(captured.pop()[rows[inside] - batch.start, places[inside]])
    return torch.cat(states)


@torch.no_grad()
def _copied_names(model: Model, states: Tensor, names: Tensor, sign: float) -> list[Tensor]:
    """Return for each head whether each name is among the top tokens of its OV output there, [names]."""
    copied = []
    for weights in model.layers:
        spread = states[None].expand(len(weights.v), -1, -1).contiguous()
        values = weights.attn_norm.project(spread, weights.v, weights.v_bias)
        for head in range(model.shape.n_heads):
            written = sign * (values[head // model.shape.queries_per_kv_head] @ weights.o[head])
            logits = model.unembed(written)
            name_logits = logits.gather(1, names[:, None])
            copied.append((logits >= name_logits).sum(-1) <= TOP_TOKENS)  # who writes nothing copies nothing
    return copied
