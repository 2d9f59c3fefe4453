"""Claim test: a head scores high in the standard test of a role."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from circuitviz.errors import InputError
from circuitviz.evaluation.claims.registry import ClaimResult, ClaimSubject, claim_tests, verdict_at_least
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.evaluation.roles import RoleTestContext, head_names, head_percentile, role_tests
from circuitviz.evaluation.roles.repeated_tokens import repeated_tokens
from circuitviz.options import option
from circuitviz.progress import ProgressSteps


@dataclass(frozen=True)
class RoleClaimOptions:
    """Which role, and which score counts as having it."""

    role: str = option("name-mover", "whose standard test", choices=tuple(role_tests.names()))
    least: float = option(0.0, "the score that counts as having the role; 0: what is usual for it", low=0.0)
    seed: int = option(0, "seed of random tokens", low=0)
    length: int = option(25, "how many random tokens are said twice", low=2, high=500)


@claim_tests.register(
    "role",
    summary="it scores high in the standard test of a role",
    reference="Wang et al. 2022; Olsson et al. 2022",
    options=RoleClaimOptions,
    says=lambda o: f"it scores as {role_tests.get(o.role).extra['role']} heads do",
)
def run_role_test(subject: ClaimSubject, options: RoleClaimOptions) -> ProgressSteps[ClaimResult]:
    """Measure the mean role score over the claimed heads, with the interval over prompts or sequences.

    ``percentile`` is its place among all heads.
    """
    entry, names = role_tests.get(options.role), head_names(subject.model)
    heads = [names.index(name) for name in subject.nodes if name in names]
    if len(heads) != len(subject.nodes) or not heads:
        raise InputError(
            "A role's standard test is of heads, and this label speaks of something else; test its answer "
            "or attention instead."
        )
    context = RoleTestContext(subject.required_setting, subject.name_movers, options.seed, options.length)
    scores = yield from entry.value(context)
    head_scores = scores[heads].mean(axis=0)
    finite = np.isfinite(head_scores)
    if not finite.any():
        node_names = ", ".join(subject.nodes)
        raise InputError(f"The test of {entry.extra['role']} heads says nothing of {node_names}.")
    effect = bootstrap_interval((head_scores[finite],), lambda mean: mean, options.seed)
    means = {
        name: float(row[np.isfinite(row)].mean()) if np.isfinite(row).any() else None
        for name, row in zip(names, scores, strict=True)
    }
    ranks = [rank for i in heads if (rank := head_percentile(means, names[i])) is not None]
    rank = float(np.mean(ranks)) if ranks else None
    on_random = "repeated" in context.cache
    return ClaimResult(
        effect,
        verdict_at_least(effect, options.least or float(entry.extra["least"])),
        f"{entry.extra['role']} score ({entry.extra['unit']})",
        int(finite.sum()),
        _random_tokens_hash(context) if on_random else subject.task.hash,
        options.seed if on_random else subject.task.seed,
        "" if rank is None else f"above {rank:.0f} % of the other heads",
        {"percentile": rank},
    )


def _random_tokens_hash(context: RoleTestContext) -> str:
    tokens, _, _ = repeated_tokens(context.model, context.seed, context.length)
    return hashlib.sha256(tokens.cpu().numpy().tobytes()).hexdigest()
