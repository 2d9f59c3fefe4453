"""Decision whether positive scores of another tool's file help the metric, from a few exact effects.

EAP-IG and related tools write scores with the sign of whatever was differentiated, a metric or a loss, and
files do not state which. The exact effect of an edge has a known sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.graph import Circuit, Scores
from circuitviz.progress import Progress, ProgressSteps

TESTED_EDGES = 20
MIN_RELATIVE_EFFECT = 1e-5  # share of L(M) − L(∅) below which an effect has no sign
SIGNIFICANCE_LEVEL = 0.05  # of a two-sided sign test
KEEP_SIGNS, FLIP_SIGNS, SIGNS_UNDECIDED = "keep", "flip", "undecided"


@dataclass(frozen=True)
class SignDecision:
    """How many of the strongest edges have exact effects of the same sign as their scores.

    Attributes:
        tested: Edges whose effect was measured.
        with_effect: Those of them whose effect is not 0.
        agreeing: Those of them whose effect has the sign of the score.
    """

    tested: int
    with_effect: int
    agreeing: int

    @property
    def sign(self) -> str:
        """``keep`` where positive scores help, ``flip`` where they hurt, ``undecided`` where signs are mixed.

        Decided by a two-sided sign test at ``SIGNIFICANCE_LEVEL``.
        """
        majority = max(self.agreeing, self.with_effect - self.agreeing)
        n_outcomes = sum(math.comb(self.with_effect, k) for k in range(majority, self.with_effect + 1))
        if 2 * n_outcomes > SIGNIFICANCE_LEVEL * 2**self.with_effect:
            return SIGNS_UNDECIDED
        return KEEP_SIGNS if self.agreeing == majority else FLIP_SIGNS

    @property
    def summary(self) -> str:
        """The counts and the decision, in a sentence."""
        counts_text = (
            f"Of the {self.tested} strongest edges, {self.with_effect} have an exact effect; its sign is "
            f"that of the score for {self.agreeing} of them"
        )
        conclusions = {
            KEEP_SIGNS: "positive helps, and the signs are those of the file",
            FLIP_SIGNS: "positive hurts in the file, and the signs were flipped",
            SIGNS_UNDECIDED: "which does not tell whether positive helps, and the signs are those of the "
            "file",
        }
        return (
            f"{counts_text}: {conclusions[self.sign]}."
            if self.sign != SIGNS_UNDECIDED
            else f"{counts_text}, {conclusions[self.sign]}."
        )


def decide_sign_steps(
    bench: FaithfulnessBench, scores: Scores, edges: int = TESTED_EDGES
) -> ProgressSteps[SignDecision]:
    """Measure the exact effects L(M) − L(M without the edge) of the edges with the largest |score|.

    Args:
        bench: A bench of the model and task that the scores belong to.
        scores: The imported scores.
        edges: How many edges are tested.

    Returns:
        A generator whose result is the decision.
    """
    graph = scores.graph
    yield from bench.prepare()
    senders, receivers = np.nonzero(graph.mask & (scores.values != 0))
    order = np.argsort(-np.abs(scores.values[senders, receivers]), kind="stable")[:edges]
    with_effect = agreeing = 0
    for number, edge_index in enumerate(order, start=1):
        index = senders[edge_index], receivers[edge_index]
        remaining_edges = graph.mask.copy()
        remaining_edges[index] = False
        evaluation = yield from bench.evaluate(Circuit(graph, remaining_edges))
        effect = evaluation.model - evaluation.circuit
        if abs(effect) > MIN_RELATIVE_EFFECT * max(abs(evaluation.model - evaluation.ablated), 1e-12):
            with_effect += 1
            agreeing += bool((effect > 0) == (scores.values[index] > 0))
        yield Progress(number, len(order), f"exact effect of {graph.edge_name(*index)}")
    return SignDecision(len(order), with_effect, agreeing)
