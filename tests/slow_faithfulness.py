"""Faithfulness of sets of edges by the slow path, for tests of measures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from conftest import Case
from slow_path import logit_difference


class Slow:
    """F and L of sets of edges by the slow path, for one case."""

    def __init__(self, case: Case) -> None:
        self.case, self.graph = case, case.model.graph
        self.at = case.task.lengths - 1
        _, _, _, self.theirs = case.slow_outputs()
        self.known: dict[bytes, float] = {}

    def metric(self, edges: np.ndarray) -> float:
        key = edges.tobytes()
        if key not in self.known:
            out = set(self.graph.edge_names(self.graph.mask & ~edges))
            logits, _ = self.case.slow.run(self.case.task.clean, self.at, self.theirs, out)
            rows = logit_difference(logits, self.case.task.correct, self.case.task.incorrect)
            self.known[key] = float(rows.mean())
        return self.known[key]

    def faithfulness(self, edges: np.ndarray) -> float:
        nothing = self.metric(np.zeros_like(self.graph.mask))
        return (self.metric(edges) - nothing) / (self.metric(self.graph.mask) - nothing)

    def without(self, edges: np.ndarray, nodes: Iterable[str]) -> np.ndarray:
        left = edges.copy()
        for node in nodes:
            left[self.graph.sender_index[node]] = False
        return left
