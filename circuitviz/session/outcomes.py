"""From what a test measured to what a label keeps of it, and which tests are due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from circuitviz.session.labels import Basis, Evidence, Outcome
from circuitviz.session.state import State

if TYPE_CHECKING:
    from circuitviz.evaluation.claims import Finding

MOVER = "Name Mover"


def outcome_of(found: Finding, basis: Basis) -> Outcome:
    """A finding as the document keeps it, with the present date."""
    return Outcome(
        found.verdict,
        found.effect.value,
        found.effect.low,
        found.effect.high,
        found.measured,
        found.prompts,
        found.prompts_hash,
        found.seed,
        datetime.now(UTC).isoformat(timespec="seconds"),
        basis,
        found.detail,
    )


def due(state: State, targets: Iterable[str] | None = None) -> list[tuple[str, Evidence]]:
    """(target, claim) of every claim that was not tested yet, or is stale; of some targets, or all."""
    chosen = list(state.labels if targets is None else targets)
    return [
        (target, evidence)
        for target in chosen
        for evidence in state.labels[target].evidence
        if evidence.outcome is None or evidence.stale(state.basis_of(target))
    ]


def name_movers(state: State) -> tuple[str, ...]:
    """The heads that are labelled as name movers: other roles are tested against them."""
    return tuple(name for name in state.classes.get(MOVER, ()) if ".h" in name)
