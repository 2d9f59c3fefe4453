"""Is what a label claims so? Each kind of claim is one file: what is measured, and what would refute it."""

from circuitviz.evaluation.claims.registry import Claimed, Finding, claim_steps, claims, offered

__all__ = ["Claimed", "Finding", "claim_steps", "claims", "offered"]
