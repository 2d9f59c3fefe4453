"""Role test: induction heads attend to the token after an earlier occurrence [olsson2022induction]."""

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
def score_induction_heads(context: RoleTestContext) -> ProgressSteps[HeadScores]:
    """Return the mean attention weight, from 0 to 1, [heads, sequences]."""
    yield Progress(0, 1, "Induction")
    return repeated_token_attention(context, "induction")
