"""Role test: duplicate token heads attend from a token to its earlier occurrence [wang2023ioi]."""

from __future__ import annotations

from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, role_tests
from circuitviz.evaluation.roles.repeated_tokens import repeated_token_attention
from circuitviz.progress import Progress, ProgressSteps


@role_tests.register(
    "duplicate-token",
    summary="attention from a token to its earlier occurrence, on random tokens said twice",
    reference="Wang et al. 2022",
    role="Duplicate Token",
    unit="attention",
    least=0.4,
)
def score_duplicate_token_heads(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return the mean attention weight, from 0 to 1, [heads, sequences]."""
    yield Progress(0, 1, "Duplicate Token")
    return repeated_token_attention(context, "duplicate")
