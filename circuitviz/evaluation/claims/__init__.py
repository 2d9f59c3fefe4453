"""Tests of what labels claim. Each kind of claim is one file: what is measured, and what would refute it."""

from circuitviz.evaluation.claims.registry import (
    ClaimResult,
    ClaimSubject,
    applicable_claim_tests,
    claim_test_steps,
    claim_tests,
)

__all__ = ["ClaimSubject", "ClaimResult", "claim_test_steps", "claim_tests", "applicable_claim_tests"]
