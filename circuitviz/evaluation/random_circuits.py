"""Random circuits of the same size: what a faithfulness is worth that a circuit has without any choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import Circuit, Graph, Interval, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps

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


def draw_random_scores(graph: Graph, number: int, seed: int = 0) -> Iterator[Scores]:
    """Draw a score for every edge, uniformly, several times.

    Circuits that ``Scores.greedy`` chooses from them are random and pruned as all other circuits are; the
    order of edges is worked out once for all sizes. Each draw is made when it is asked for: a matrix of all
    pairs takes 40 MB for a model of 70,000 edges at six spans.

    Args:
        graph: The graph.
        number: How often.
        seed: Seed of the draws.
    """
    random = np.random.default_rng(seed)
    for _ in range(number):
        values = 1.0 - random.random(graph.mask.shape)
        values[~graph.mask] = 0.0
        yield Scores(graph, values, RANDOM_METHOD)


def random_baselines_steps(
    bench: FaithfulnessBench, graph: Graph, counts: Sequence[int], number: int, seed: int = 0
) -> ProgressSteps[list[RandomBaseline]]:
    """Measure the faithfulness of random circuits of some sizes.

    Args:
        bench: The bench.
        graph: The graph of the circuits.
        counts: The numbers of edges.
        number: How many circuits of each size.
        seed: Seed of the draws.

    Returns:
        A generator whose result is a baseline for each size; partial results are of the circuits so far. At
        0 edges and at all edges there is only one circuit, which is measured once.
    """
    sizes: list[list[int]] = [[] for _ in counts]
    values: list[list[float]] = [[] for _ in counts]

    def baselines() -> list[RandomBaseline]:
        rows = zip(counts, sizes, values, strict=True)
        return [RandomBaseline(n, float(np.mean(edges)), tuple(sorted(found))) for n, edges, found in rows]

    for drawn, scores in enumerate(draw_random_scores(graph, number, seed)):
        for place, n_edges in enumerate(counts):
            if drawn and n_edges in (0, graph.n_edges):
                continue
            circuit = Circuit.full(graph) if n_edges == graph.n_edges else scores.greedy(n_edges)
            evaluation = yield from bench.evaluate(circuit)
            sizes[place].append(circuit.n_edges)
            if evaluation.faithfulness.value is not None:
                values[place].append(evaluation.faithfulness.value)
            done = drawn + (place + 1) / len(counts)
            yield Progress(done, number, f"random circuit {drawn + 1} of {n_edges:,} edges")
        yield Progress(drawn + 1, number, f"{drawn + 1} random circuits of each size", baselines())
    return baselines()


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
    sizes = [circuit.n_edges]
    steps = ProgressRunner(
        random_baselines_steps(bench, circuit.graph, sizes, options.circuits, options.seed)
    )
    for step in steps:
        partial = replace(step.partial[0], own=own.faithfulness) if isinstance(step.partial, list) else None
        yield replace(step, partial=partial)
    return replace(steps.result[0], own=own.faithfulness)
