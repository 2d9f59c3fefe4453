"""Duplicate Token heads: attention from a token to its earlier occurrence, on random tokens said twice."""

from __future__ import annotations

from circuitviz.evaluation.roles.registry import HeadScores, Probe, roles
from circuitviz.evaluation.roles.repeated import attention_back
from circuitviz.progress import Progress, Steps


@roles.register(
    "duplicate-token",
    summary="attention from a token to its earlier occurrence, on random tokens said twice",
    reference="Wang et al. 2022",
    role="Duplicate Token",
    unit="attention",
    least=0.4,
)
def score(probe: Probe) -> Steps[HeadScores]:
    """From 0 to 1: the mean weight over positions, [heads, sequences]."""
    yield Progress(0, 1, "Duplicate Token")
    return attention_back(probe, "duplicate")
