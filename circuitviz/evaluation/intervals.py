"""Every number over a task comes with what another draw of prompts would have made of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from circuitviz.graph import Interval

BOOTSTRAP_RESAMPLES = 1000


def bootstrap_interval(
    values: tuple[NDArray[np.float64], ...],
    statistic: Callable[..., NDArray[np.float64]],
    seed: int = 0,
) -> Interval:
    """95 % percentile interval of a statistic of means over prompts.

    values: arrays [prompts], resampled together; ``statistic`` takes their means, as arrays.
    """
    number = len(values[0])
    at = statistic(*(np.array([v.mean()]) for v in values))[0]
    if not np.isfinite(at):
        return Interval(None)
    if number < 2:
        return Interval(float(at))
    rows = np.random.default_rng(seed).integers(number, size=(BOOTSTRAP_RESAMPLES, number))
    drawn = statistic(*(v[rows].mean(axis=1) for v in values))
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(at), float(low), float(high))
