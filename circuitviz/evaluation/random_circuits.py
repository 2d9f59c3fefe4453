"""Random circuits of the same size: what a faithfulness is worth that a circuit has without any choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import Circuit, Graph, Interval, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

N_RANDOM_CIRCUITS = 20
RANDOM_METHOD = "random"  # ``Scores.method`` of drawn scores


@dataclass(frozen=True)
class RandomBaseline:
    """Faithfulness of random circuits of one size.

    Attributes:
        asked: The number of edges that was asked for.
        edges: Mean number of edges of the random circuits, after pruning.
        values: Their faithfulness, the least first; those that are undefined are left out.
        own: Faithfulness of the circuit that they are compared with; None at a size of a curve.
    """

    asked: int
    edges: float
    values: tuple[float, ...] = ()
    own: Interval | None = None

    @property
    def faithfulness(self) -> Interval:
        """The median of the values, and the range between their 2.5 % and 97.5 % quantiles."""
        if not self.values:
            return Interval(None)
        low, median, high = np.quantile(self.values, (0.025, 0.5, 0.975))
        return Interval(float(median), float(low), float(high))

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        data: dict[str, Any] = {"asked": self.asked, "edges": self.edges, **asdict(self.faithfulness)}
        data["circuits"] = len(self.values)
        if self.own is not None:
            data |= {"values": list(self.values), "own": asdict(self.own)}
        return data


@dataclass(frozen=True)
class RandomOptions:
    """How many circuits are drawn."""

    circuits: int = option(N_RANDOM_CIRCUITS, "random circuits of the circuit's size", low=1, high=1000)
    seed: int = option(0, "seed of the draws", low=0)


def draw_random_scores(graph: Graph, number: int, seed: int = 0) -> list[Scores]:
    """Draw a score for every edge, uniformly, several times.

    Circuits that ``Scores.greedy`` chooses from them are random and pruned as all other circuits are; the
    order of edges is worked out once for all sizes.

    Args:
        graph: The graph.
        number: How often.
        seed: Seed of the draws.
    """
    random = np.random.default_rng(seed)
    return [
        Scores(graph, np.where(graph.mask, 1.0 - random.random(graph.mask.shape), 0.0), RANDOM_METHOD)
        for _ in range(number)
    ]


def random_baseline_steps(
    bench: FaithfulnessBench, drawn: Sequence[Scores], n_edges: int, own: Interval | None = None
) -> ProgressSteps[RandomBaseline]:
    """Measure the faithfulness of random circuits.

    Args:
        bench: The bench.
        drawn: Drawn scores, one for each circuit.
        n_edges: The number of edges of each circuit.
        own: Faithfulness of the circuit that they are compared with.

    Returns:
        A generator whose result is the baseline; partial results are of the circuits so far. At 0 edges and
        at all edges there is only one circuit, which is measured once.
    """
    graph = drawn[0].graph
    is_single = n_edges in (0, graph.n_edges)
    sizes: list[int] = []
    values: list[float] = []
    for number, scores in enumerate(drawn[:1] if is_single else drawn, start=1):
        circuit = Circuit.full(graph) if n_edges == graph.n_edges else scores.greedy(n_edges)
        evaluation = yield from bench.evaluate(circuit)
        sizes.append(circuit.n_edges)
        if evaluation.faithfulness.value is not None:
            values.append(evaluation.faithfulness.value)
        so_far = RandomBaseline(n_edges, float(np.mean(sizes)), tuple(sorted(values)), own)
        yield Progress(number, len(drawn), f"random circuit {number} of {n_edges:,} edges", so_far)
    return so_far


@measures.register(
    "random",
    summary="Faithfulness of random circuits of the same size: median and 95 % range",
    reference="Mueller et al. 2025 (MIB)",
    options=RandomOptions,
    opened=True,
    count_runs=lambda _input, options: MeasureRuns(1 + options.circuits),
)
def measure_random(measure_input: MeasureInput, options: RandomOptions) -> ProgressSteps[RandomBaseline]:
    """Compare the circuit with random circuits of its size, connected by the same pruning.

    Source: [mib2025].
    """
    bench, circuit = measure_input.bench, measure_input.circuit
    own = yield from bench.evaluate(circuit)
    drawn = draw_random_scores(circuit.graph, options.circuits, options.seed)
    return (yield from random_baseline_steps(bench, drawn, circuit.n_edges, own.faithfulness))
