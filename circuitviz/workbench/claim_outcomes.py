"""From what a test measured to what a label keeps of it, and which tests are due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from circuitviz.document.labels import ClaimOutcome, Evidence, EvidenceContext
from circuitviz.document.state import State

if TYPE_CHECKING:
    from circuitviz.evaluation.claims import ClaimResult

NAME_MOVER_ROLE = "Name Mover"


def make_outcome(finding: ClaimResult, context: EvidenceContext) -> ClaimOutcome:
    """A finding as the document keeps it, with the present date."""
    return ClaimOutcome(
        finding.verdict,
        finding.effect.value,
        finding.effect.low,
        finding.effect.high,
        finding.effect_description,
        finding.prompts,
        finding.prompts_hash,
        finding.seed,
        datetime.now(UTC).isoformat(timespec="seconds"),
        context,
        finding.detail,
    )


def claims_to_test(state: State, targets: Iterable[str] | None = None) -> list[tuple[str, Evidence]]:
    """(target, claim) of every claim that was not tested yet, or is stale; of some targets, or all."""
    chosen = list(state.labels if targets is None else targets)
    return [
        (target, evidence)
        for target in chosen
        for evidence in state.labels[target].evidence
        if evidence.outcome is None or evidence.stale_parts(state.evidence_context_of(target))
    ]


def name_mover_heads(state: State) -> tuple[str, ...]:
    """The heads that are labelled as name movers: other roles are tested against them."""
    return tuple(name for name in state.class_members(NAME_MOVER_ROLE) if ".h" in name)
