"""Role test: previous token heads attend from each token to the one before it [olsson2022induction]."""

from __future__ import annotations

from circuitviz.evaluation.roles.registry import HeadScores, RoleTestContext, role_tests
from circuitviz.evaluation.roles.repeated_tokens import repeated_token_attention
from circuitviz.progress import Progress, ProgressSteps


@role_tests.register(
    "previous-token",
    summary="attention from each token to the one before it, on random tokens",
    reference="Vig and Belinkov 2019; Olsson et al. 2022",
    role="Previous Token",
    unit="attention",
    least=0.4,
)
def score_previous_token_heads(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return the mean attention weight, from 0 to 1, [heads, sequences]."""
    yield Progress(0, 1, "Previous Token")
    return repeated_token_attention(context, "previous")
