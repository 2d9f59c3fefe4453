"""Means over prompts while a batch is half done: some effects are known for one batch more than others."""

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
    """Each effect's mean over the prompts that it was measured on; 0 where there are none yet.

    total: sums over the ``prompts_done`` prompts of earlier batches; found: sums over the ``batch_prompts`` of the present
    one, which count where ``measured`` (bool, same shape) says so.
    """
    number = prompts_done + batch_prompts * measured.astype(np.float64)
    sums = total + np.where(measured, batch_sums, 0.0)
    return np.divide(sums, number, out=np.zeros_like(total), where=number > 0)
