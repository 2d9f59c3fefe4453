"""Induction heads look at what followed the token's earlier occurrence, on random tokens said twice."""

from __future__ import annotations

from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, role_tests
from circuitviz.evaluation.roles.repeated_tokens import repeated_token_attention
from circuitviz.progress import Progress, ProgressSteps


@role_tests.register(
    "induction",
    summary="attention from a token to what followed its earlier occurrence, on random tokens said twice",
    reference="Olsson et al. 2022",
    role="Induction",
    unit="attention",
    least=0.4,
)
def score_induction_heads(probe: RoleTestContext) -> ProgressSteps[HeadScores]:
    """From 0 to 1: the mean weight over positions, [heads, sequences]."""
    yield Progress(0, 1, "Induction")
    return repeated_token_attention(probe, "induction")
