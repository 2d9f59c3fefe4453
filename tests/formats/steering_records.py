"""A record of a steered model's texts, for tests of documents and files."""

from __future__ import annotations

from typing import Any

from circuitviz.graph import Intervention, SteeringQuery, SteeringResult
from circuitviz.graph.steering import Continuation, GeneratedToken


def example_result(**more: Any) -> SteeringResult:
    changes = {"m2.f12": Intervention("add", 1.0, (0, -1)), "resid2": Intervention("set", -30.0)}
    query = SteeringQuery("demo", "a b", changes, (0.0, -4.5), "all", {"resid2": ("x", "y")}, **more)
    tokens = (GeneratedToken(3, " a", 0.5, 0.25), GeneratedToken(4, "⏎", 1.0, None))
    texts = (Continuation(None, True, " a\n", tokens), Continuation(-4.5, False, " a", tokens[:1], True))
    return SteeringResult(query, "abc", ("<s>", "a", " b"), texts)
