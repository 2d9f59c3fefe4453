"""Previous Token heads: attention from each token to the one before it, on random tokens."""

from __future__ import annotations

from circuitviz.evaluation.roles.registry import HeadScores, Probe, roles
from circuitviz.evaluation.roles.repeated import attention_back
from circuitviz.progress import Progress, Steps


@roles.register(
    "previous-token",
    summary="attention from each token to the one before it, on random tokens",
    reference="Vig and Belinkov 2019; Olsson et al. 2022",
    role="Previous Token",
    unit="attention",
    least=0.4,
)
def score(probe: Probe) -> Steps[HeadScores]:
    """From 0 to 1: the mean weight over positions, [heads, sequences]."""
    yield Progress(0, 1, "Previous Token")
    return attention_back(probe, "previous")
