"""Batch sizes chosen from the free memory, and halved where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from circuitviz.errors import ComputationError
from circuitviz.models.memory_needs import free_bytes
from circuitviz.models.model import Model
from circuitviz.progress import Progress, ProgressSteps

MIN_BATCH_BYTES = 64 * 2**20
MAX_BATCH_BYTES = 384 * 2**20  # on a CPU; larger batches are no faster
FREE_MEMORY_DIVISOR = 4  # a batch may take 1/4 of the free memory

T = TypeVar("T")


def batch_budget_bytes(*devices: torch.device) -> int:
    """Bytes that one batch's tensors may take on each of the devices that compute it.

    A fraction of the free memory of the one that has least, on CPU up to ``MAX_BATCH_BYTES``.
    """
    shares = [free_bytes(device) // FREE_MEMORY_DIVISOR for device in devices]
    if any(device.type == "cpu" for device in devices):
        shares.append(MAX_BATCH_BYTES)
    return max(MIN_BATCH_BYTES, min(shares))


def max_batch_size(model: Model, time: int, held_tensors: float) -> int:
    """Number of prompts whose tensors fit into the budget.

    Args:
        model: The model.
        time: Tokens per prompt.
        held_tensors: How many tensors [senders, batch, time, d_model] a computation holds at once.
    """
    bytes_per_prompt = held_tensors * 4 * len(model.graph.senders) * time * model.shape.d_model
    return max(1, int(batch_budget_bytes(*model.placement.devices) / bytes_per_prompt))


def split_batches(model: Model, prompts: int, time: int, held_tensors: float = 1.5) -> Iterator[range]:
    """Split prompts into ranges whose tensors fit into the budget.

    Args:
        model: The model.
        prompts: Number of prompts.
        time: Tokens per prompt.
        held_tensors: How many tensors [senders, batch, time, d_model] a computation holds at once.

    Yields:
        Ranges of prompt numbers, in order.
    """
    batch_size = min(prompts, max_batch_size(model, time, held_tensors), model.max_batch_prompts or prompts)
    for start in range(0, prompts, batch_size):
        yield range(start, min(prompts, start + batch_size))


def run_in_batches(
    model: Model,
    prompts: int,
    time: int,
    run_batch: Callable[[range], ProgressSteps[T]],
    held_tensors: float = 1.5,
) -> ProgressSteps[list[T]]:
    """Run a computation batch by batch; where memory runs out, halve the batch, report it, and go on.

    The size that fitted is kept in ``model.max_batch_prompts``.

    Args:
        model: The model.
        prompts: Number of prompts.
        time: Tokens per prompt.
        run_batch: Computes a range of prompts; it must keep nothing of a batch that it did not finish.
        held_tensors: How many tensors [senders, batch, time, d_model] it holds at once.

    Returns:
        The results of all batches, in order.

    Raises:
        ComputationError: Memory runs out on a single prompt.
    """
    size = min(prompts, max_batch_size(model, time, held_tensors), model.max_batch_prompts or prompts)
    results, start = [], 0
    while start < prompts:
        rows = range(start, min(prompts, start + size))
        try:
            results.append((yield from run_batch(rows)))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if len(rows) == 1:
                raise ComputationError(
                    f"Memory ran out on a single prompt of {time} tokens; a shorter prompt, a smaller "
                    "model or a machine with more memory would be right."
                ) from error
            size = max(1, len(rows) // 2)
            model.max_batch_prompts = size
        else:
            start = rows.stop
            continue
        if model.device.type == "cuda":
            torch.cuda.empty_cache()
        noun = "prompt" if size == 1 else "prompts"
        yield Progress(start, prompts, f"out of memory; continuing with {size} {noun} at a time")
    return results


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device or the machine ran out of memory; torch says so in several ways."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return "can't allocate memory" in text or "out of memory" in text
