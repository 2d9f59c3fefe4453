"""Induction heads look at what followed the token's earlier occurrence, on random tokens said twice."""

from __future__ import annotations

from circuitviz.evaluation.roles.registry import HeadScores, Probe, roles
from circuitviz.evaluation.roles.repeated import attention_back
from circuitviz.progress import Progress, Steps


@roles.register(
    "induction",
    summary="attention from a token to what followed its earlier occurrence, on random tokens said twice",
    reference="Olsson et al. 2022",
    role="Induction",
    unit="attention",
    least=0.4,
)
def score(probe: Probe) -> Steps[HeadScores]:
    """From 0 to 1: the mean weight over positions, [heads, sequences]."""
    yield Progress(0, 1, "Induction")
    return attention_back(probe, "induction")
