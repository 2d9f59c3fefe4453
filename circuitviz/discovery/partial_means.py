"""Means over prompts while a batch is incomplete, with some effects measured on more prompts than others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def partial_means(
    total: NDArray[np.float64],
    prompts_done: int,
    batch_sums: NDArray[np.float64],
    batch_prompts: int,
    measured: NDArray[Any],
) -> NDArray[np.float64]:
    """Mean of each effect over the prompts on which it was measured; 0 where there are none yet.

    Args:
        total: Sums over the prompts of earlier batches.
        prompts_done: Number of these prompts.
        batch_sums: Sums over the prompts of the present batch.
        batch_prompts: Number of its prompts.
        measured: Which effects of the present batch are measured, bool of the same shape.
    """
    n_prompts = prompts_done + batch_prompts * measured.astype(np.float64)
    sums = total + np.where(measured, batch_sums, 0.0)
    return np.divide(sums, n_prompts, out=np.zeros_like(total), where=n_prompts > 0)
