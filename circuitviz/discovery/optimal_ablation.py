"""Optimal ablation: one constant for each sender, learned to disturb the model least.

Zero and mean outputs are far from what a model meets, so that ablation by them breaks more than it takes out;
of all constants the optimal ones break least [li2024optimal].

1. Constants begin at the senders' means over the task's clean prompts.
2. A step draws a share uniformly and ablates each sender, on all its edges, with that probability; the mean
   KL divergence from the clean model's answers is descended by Adam, in units of each sender's spread.
3. Now and then the loss is measured on fixed sets of senders and all prompts; the best constants are kept.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph.ablation_constants import AblationConstants
from circuitviz.models import OPTIMAL_ABLATION, Activations, Model, mean_activations, record_activations
from circuitviz.models.batching import max_batch_size, split_batches
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.sender_activations import head_rows, mlp_row
from circuitviz.progress import Progress, ProgressSteps, run_to_completion
from circuitviz.tasks import Task

N_MEASURED_SETS = 8  # of senders, on which constants are compared
STEPS_BETWEEN_MEASUREMENTS = 25
SMALLEST_SPREAD = 1e-6
HELD_SENDER_TENSORS = 3.0  # what a pass with gradients keeps


@dataclass(frozen=True)
class OptimalAblationOptions:
    """How constants are learned.

    Attributes:
        steps: Steps of training.
        seed: Seed of prompts and sets of senders.
        step_prompts: Prompts in a step.
        learning_rate: Learning rate of Adam, in units of each sender's spread.
    """

    steps: int = 100
    seed: int = 0
    step_prompts: int = 16
    learning_rate: float = 0.05


DEFAULT_OPTIONS = OptimalAblationOptions()


def optimal_activations(model: Model, task: Task) -> Activations:
    """The constants as ablation values; learned now where the task has none for this model.

    Args:
        model: The model.
        task: The task, or a part of it.

    Raises:
        InputError: The task's constants, those of a file, are of other heads than the model's.
    """
    learned = find_constants(model, task) or run_to_completion(learn_constants_steps(model, task))
    like = model.empty_stream
    embed, heads, mlps = (
        torch.from_numpy(np.array(array)).to(like) for array in (learned.embed, learned.heads, learned.mlps)
    )
    return Activations(
        embed[None, None], [z[None, None] for z in heads], [m[None, None] for m in mlps]
    )  # fmt: skip


def find_constants(model: Model, task: Task) -> AblationConstants | None:
    """A task's constants for a model; None where it has none.

    Raises:
        InputError: They are of other heads than the model's; a file does not say how wide these are.
    """
    learned = task.constants.learned
    if learned is None or learned.weight_hash != model.parameter_hash:
        return None
    expected_shape = (model.shape.n_layers, *model.layers[0].o.shape[:2])
    if learned.heads.shape != expected_shape:
        raise InputError(
            f"The constants of optimal ablation of '{task.name}' have shape {learned.heads.shape} for heads; "
            f"'{model.name}' has layers, heads and d_head {expected_shape}. They are damaged: find the "
            "circuit again."
        )
    return learned


def has_constants(model: Model, task: Task) -> bool:
    """Whether a task has constants for a model; InputError as of ``find_constants``."""
    return find_constants(model, task) is not None


def learn_missing_constants_steps(model: Model, task: Task, ablation: str) -> ProgressSteps[None]:
    """Learn what an ablation needs and a task has not, so that whatever runs next need not stop for it.

    Args:
        model: The model.
        task: The task, or a part of it.
        ablation: Name of the ablation; only ``optimal`` learns.
    """
    if ablation == OPTIMAL_ABLATION and not has_constants(model, task):
        yield from learn_constants_steps(model, task)


def learn_constants_steps(
    model: Model, task: Task, options: OptimalAblationOptions = DEFAULT_OPTIONS
) -> ProgressSteps[AblationConstants]:
    """Learn constants and store them with the task, as a generator of progress.

    Args:
        model: The model.
        task: The task; of a part, all prompts of the whole task are learned from, whoever asks first.
        options: How they are learned.

    Returns:
        The constants. Their loss on the measured sets is at most that of means.

    Source: [li2024optimal].
    """
    task = (task.whole or task).to(model.device)
    draw = random.Random(options.seed)
    n_senders = len(model.graph.senders)
    measured_sets = [_draw_set(draw, n_senders) for _ in range(N_MEASURED_SETS)]
    batches = [task.subset(rows) for rows in split_batches(model, len(task), task.clean.shape[1])]
    means = mean_activations(model, ((batch.clean, batch.lengths) for batch in batches), positional=False)
    spreads = _measure_spreads(model, batches[0], means)
    offsets = [torch.zeros_like(mean, requires_grad=True) for mean in _parts(means)]
    optimizer = torch.optim.Adam(offsets, lr=options.learning_rate)

    def current() -> Activations:
        moved = [
            mean + spread * offset
            for mean, spread, offset in zip(_parts(means), spreads, offsets, strict=True)
        ]
        return _join_parts(moved, model.shape.n_layers)

    best, best_loss = _detach(current()), ablated_loss(model, batches, means, measured_sets)
    mean_loss = best_loss
    size = min(
        len(task), options.step_prompts, max_batch_size(model, task.clean.shape[1], HELD_SENDER_TENSORS)
    )
    for step in range(1, options.steps + 1):
        batch = task.subset(draw.sample(range(len(task)), size))
        reference = record_activations(model, batch.clean, batch.lengths - 1).logits
        assert reference is not None
        logits = logits_with_ablated(model, batch, current(), _draw_set(draw, n_senders))
        gradients = torch.autograd.grad(_divergence(logits, reference).mean(), offsets, allow_unused=True)
        for offset, gradient in zip(offsets, gradients, strict=True):
            offset.grad = gradient
        optimizer.step()
        if step % STEPS_BETWEEN_MEASUREMENTS == 0 or step == options.steps:
            values = _detach(current())
            loss = ablated_loss(model, batches, values, measured_sets)
            if loss < best_loss:
                best, best_loss = values, loss
        yield Progress(step, options.steps, f"constants of optimal ablation, step {step} of {options.steps}")
    embed, heads, mlps = best.embed[0, 0], torch.cat(best.z).flatten(0, 1), best.mlp
    constants = AblationConstants(
        embed.cpu().float().numpy(),
        heads.cpu().float().numpy(),
        torch.cat([m[0] for m in mlps] or [embed.new_zeros(0, len(embed))]).cpu().float().numpy(),
        model.parameter_hash,
        options.steps,
        options.seed,
        best_loss,
        mean_loss,
    )
    task.constants.learned = constants
    return constants


def count_learning_passes(
    task: Task, options: OptimalAblationOptions = DEFAULT_OPTIONS
) -> tuple[float, float]:
    """Forward and backward passes of a whole task that learning its constants takes."""
    n_measurements = 1 + math.ceil(options.steps / STEPS_BETWEEN_MEASUREMENTS)
    n_tasks = options.steps * min(1.0, options.step_prompts / len(task))
    return 2 + n_measurements * (1 + N_MEASURED_SETS) + 2 * n_tasks, n_tasks


def ablated_loss(
    model: Model, batches: Sequence[Task], values: Activations, ablated_sets: Sequence[Sequence[bool]]
) -> float:
    """Mean KL divergence from the clean model over prompts and sets of ablated senders, in nats.

    Args:
        model: The model.
        batches: The task in parts.
        values: What ablated senders write.
        ablated_sets: For each set, which senders are ablated.
    """
    total, n_prompts = torch.zeros((), dtype=torch.float64, device=model.device), 0
    with torch.no_grad():
        for batch in batches:
            reference = record_activations(model, batch.clean, batch.lengths - 1).logits
            assert reference is not None
            n_prompts += len(batch)
            for is_ablated in ablated_sets:
                logits = logits_with_ablated(model, batch, values, is_ablated)
                total += _divergence(logits, reference).sum().double()
    return float(total) / (n_prompts * len(ablated_sets))


def logits_with_ablated(model: Model, batch: Task, values: Activations, is_ablated: Sequence[bool]) -> Tensor:
    """Logits [batch, vocabulary] with some senders' outputs replaced, through which gradients reach them.

    Args:
        model: The model.
        batch: The prompts.
        values: What ablated senders write.
        is_ablated: Which senders are ablated.
    """
    is_on = torch.tensor(is_ablated, dtype=values.embed.dtype).to(model.device)
    kept: dict[str, Tensor] = {}
    hooks: dict[str, Hook] = {model.embed_hook: partial(_move_towards, values.embed, is_on[0])}
    for layer, weights in enumerate(model.layers):
        hooks[f"blocks.{layer}.attn.hook_z"] = partial(_keep, kept)
        if weights.post_norm is not None:
            hooks[weights.post_norm_hook] = partial(_scale_kept, kept, weights.post_norm.inverse_scale)
        of_heads = is_on[head_rows(model, layer)]
        hooks[weights.attn_out_hook] = partial(_replace_heads, kept, values.z[layer], of_heads, weights.o)
        if model.shape.mlp:
            of_mlp = is_on[mlp_row(model, layer)]
            hooks[weights.mlp_out_hook] = partial(_move_towards, values.mlp[layer], of_mlp)
    with torch.set_grad_enabled(values.embed.requires_grad), model.hooks(hooks):
        return model.logits(batch.clean, batch.lengths - 1)


def _move_towards(value: Tensor, share: Tensor, output: Tensor) -> Tensor:
    return output + share * (value - output)


def _keep(kept: dict[str, Tensor], z: Tensor) -> None:
    kept["z"] = z


def _scale_kept(kept: dict[str, Tensor], inverse_scale: Hook, written: Tensor) -> None:
    factor = inverse_scale(written)
    assert factor is not None
    kept["z"] = kept["z"] * factor


def _replace_heads(
    kept: dict[str, Tensor], value: Tensor, shares: Tensor, o: Tensor, written: Tensor
) -> Tensor:
    """What attention writes, with some heads' outputs replaced."""
    change = shares[:, None] * (value - kept.pop("z"))
    return written + change.flatten(2) @ o.flatten(0, 1)


def _divergence(logits: Tensor, reference: Tensor) -> Tensor:
    """KL(reference ‖ logits), [batch], in nats."""
    clean = reference.log_softmax(-1)
    return (clean.exp() * (clean - logits.log_softmax(-1))).sum(-1)


def _draw_set(draw: random.Random, n_senders: int) -> list[bool]:
    share = draw.random()
    return [draw.random() < share for _ in range(n_senders)]


@torch.no_grad()
def _measure_spreads(model: Model, batch: Task, means: Activations) -> list[Tensor]:
    """Root mean square of each sender's distance from its mean, in the shape of its constant's parts."""
    outputs = record_activations(model, batch.clean, batch.lengths - 1)
    return [
        (output - mean).square().mean((0, 1, -1), keepdim=True).sqrt().clamp_min(SMALLEST_SPREAD)
        for output, mean in zip(_parts(outputs), _parts(means), strict=True)
    ]


def _parts(values: Activations) -> list[Tensor]:
    return [values.embed, *values.z, *values.mlp]


def _join_parts(parts: Sequence[Tensor], n_layers: int) -> Activations:
    return Activations(parts[0], list(parts[1 : 1 + n_layers]), list(parts[1 + n_layers :]))


def _detach(values: Activations) -> Activations:
    return _join_parts([part.detach().clone() for part in _parts(values)], len(values.z))
