"""Means over prompts while a batch is half done: some effects are known for one batch more than others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_so_far(
    total: NDArray[np.float64], seen: int, found: NDArray[np.float64], prompts: int, measured: NDArray[Any]
) -> NDArray[np.float64]:
    """Each effect's mean over the prompts that it was measured on; 0 where there are none yet.

    total: sums over the ``seen`` prompts of earlier batches; found: sums over the ``prompts`` of the present
    one, which count where ``measured`` (bool, same shape) says so.
    """
    number = seen + prompts * measured.astype(np.float64)
    sums = total + np.where(measured, found, 0.0)
    return np.divide(sums, number, out=np.zeros_like(total), where=number > 0)
