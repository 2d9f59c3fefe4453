"""Bootstrap intervals over prompts, and the refusal of values that are no numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.graph import Interval

BOOTSTRAP_RESAMPLES = 1000


def bootstrap_interval(
    values: tuple[NDArray[np.float64], ...], statistic: Callable[..., NDArray[np.float64]], seed: int = 0
) -> Interval:
    """Estimate a statistic of means over prompts with its 95 % percentile bootstrap interval.

    Args:
        values: Arrays [prompts], resampled together, so that values of one prompt stay paired.
        statistic: Takes the means of those arrays, each as an array [resamples], and returns [resamples].
        seed: Seed of the resampling.

    Returns:
        The statistic of all prompts, with the interval's ends. Without ends where there is one prompt;
        without a value where the statistic is not finite.

    Source: [efron1993bootstrap].
    """
    n_prompts = len(values[0])
    value = statistic(*(np.array([v.mean()]) for v in values))[0]
    if not np.isfinite(value):
        return Interval(None)
    if n_prompts < 2:
        return Interval(float(value))
    rows = np.random.default_rng(seed).integers(n_prompts, size=(BOOTSTRAP_RESAMPLES, n_prompts))
    resampled = statistic(*(v[rows].mean(axis=1) for v in values))
    resampled = resampled[np.isfinite(resampled)]
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Interval(float(value), float(low), float(high))


def require_numbers(metric: str, values: NDArray[np.float64]) -> None:
    """Refuse values of which some are not finite.

    Args:
        metric: Name of the metric.
        values: Its values [..., prompts].

    Raises:
        InputError: Some are infinite or NaN.
    """
    if n_bad := int((~np.isfinite(values)).reshape(-1, values.shape[-1]).any(axis=0).sum()):
        raise InputError(
            f"The metric '{metric}' is not a number on {n_bad} prompts: the model's activations overflow or "
            "hold NaN; check its weights."
        )
