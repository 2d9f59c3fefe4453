"""Batches as large as memory allows, so that nobody has to choose a number."""

from __future__ import annotations

from collections.abc import Iterator

from circuitviz.models.model import Model

BUDGET = 768 * 2**20  # bytes of sender outputs kept at a time


def batches(model: Model, prompts: int, time: int, copies: float = 1.5) -> Iterator[range]:
    """Split prompts into ranges whose sender outputs [senders, batch, time, d] fit the budget.

    ``copies``: how many tensors of that size a computation holds at once.
    """
    one = copies * 4 * len(model.graph.senders) * time * model.shape.d_model
    size = max(1, min(prompts, int(BUDGET / one)))
    for start in range(0, prompts, size):
        yield range(start, min(prompts, start + size))
