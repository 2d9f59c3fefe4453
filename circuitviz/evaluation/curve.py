"""Faithfulness against the number of edges, with the areas CPR and CMD."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.evaluation.faithfulness import FaithfulnessBench, compute_faithfulness
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.evaluation.random_circuits import (
    N_RANDOM_CIRCUITS,
    RandomBaseline,
    random_baselines_steps,
)
from circuitviz.evaluation.registry import MeasureInput, measures
from circuitviz.graph import Circuit, Evaluation, Interval, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps

EDGE_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # MIB 2025


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One circuit of the curve.

    Attributes:
        requested_edges: The number of edges that was requested.
        edges: The number left after pruning.
        faithfulness: Its faithfulness.
        per_prompt: The metric of ``circuit``, ``model`` and ``ablated`` on each prompt, [prompts].
        weighted_edges: The number left as MIB counts it (``weighted_edge_count``).
    """

    requested_edges: int
    edges: int
    faithfulness: Interval
    per_prompt: Mapping[str, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)
    weighted_edges: float = 0.0

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the point as files and the command line hold it."""
        return {"asked": self.requested_edges, "edges": self.edges, **asdict(self.faithfulness)}


def weighted_edge_count(circuit: Circuit) -> float:
    """Return the number of edges as MIB counts it: an edge into a shared key or value once per query head.

    MIB weighs an edge by the share of its sender's neurons that are in the circuit; here nodes are whole, so
    each edge counts 1.

    Source: [mib2025].
    """
    return float(circuit.edges.sum(axis=0) @ circuit.graph.owners.sum(axis=1))


def mib_edge_counts(n_edges: int, shares: Sequence[float] = EDGE_SHARES) -> list[int]:
    """Return MIB's numbers of edges: one for each share, rounded down, so that small graphs begin with 0.

    MIB counts the key and value edges of grouped-query models once for each query head; here they are counted
    as the graph has them, once for each key-value head.

    Source: [mib2025].
    """
    return [int(share * n_edges) for share in shares]


def measure_curve_steps(
    bench: FaithfulnessBench, scores: Scores, select: str = "top", counts: Sequence[int] | None = None
) -> ProgressSteps[list[CurvePoint]]:
    """Measure the faithfulness of circuits of growing size.

    Args:
        bench: The bench.
        scores: What the circuits are chosen from.
        select: The rule by which edges are chosen.
        counts: The numbers of edges; those of ``mib_edge_counts`` by default. Circuits larger than what the
            method was asked to score are left out.

    Returns:
        A generator whose result is one point for each count, also where a count occurs twice; partial
        results are the points so far.
    """
    requested = list(counts) if counts is not None else mib_edge_counts(scores.graph.n_edges)
    requested = [count for count in requested if count <= scores.n_examined]
    return (
        yield from measure_circuits_steps(bench, requested, lambda i: scores.select(select, requested[i]))
    )


def measure_circuits_steps(
    bench: FaithfulnessBench, requested: Sequence[int], choose: Callable[[int], Circuit]
) -> ProgressSteps[list[CurvePoint]]:
    """Measure the faithfulness of several circuits.

    Args:
        bench: The bench.
        requested: The numbers of edges that were asked for.
        choose: Takes a place in ``requested`` to the circuit.

    Returns:
        A generator whose result is one point for each circuit; partial results are the points so far.
    """
    points: list[CurvePoint] = []
    measured: dict[bytes, Evaluation] = {}
    yield from bench.prepare()
    for place, n_requested in enumerate(requested):
        circuit = choose(place)
        key = circuit.digest.digest()
        if key not in measured:
            measured[key] = yield from bench.evaluate(circuit)
        faithfulness, per_prompt = measured[key].faithfulness, measured[key].per_prompt
        weighted = weighted_edge_count(circuit)
        points.append(CurvePoint(n_requested, circuit.n_edges, faithfulness, per_prompt, weighted))
        yield Progress(place + 1, len(requested), f"{n_requested:,} edges", list(points))
    return points


def curve_areas(
    points: Sequence[CurvePoint], shares: Sequence[float] = EDGE_SHARES, seed: int = 0
) -> dict[str, Interval]:
    """Return CPR, the area under the curve, and CMD, the area between it and 1.

    Trapezoids from the first share (0.001) to the last (1), so a faithfulness of 1 everywhere gives CPR 0.999
    and CMD 0. ``cpr_clipped`` is CPR of the faithfulness clipped to [0, 1], because CPR itself grows with
    overshoot.

    Args:
        points: One point for each share.
        shares: Shares of the graph's edges, ascending.
        seed: Seed of the resampling.

    Returns:
        The three areas with 95 % bootstrap intervals; each resample of the prompts is used for all points.

    Raises:
        ValueError: There are not as many points as shares.

    Source: [mib2025].
    """
    if len(points) != len(shares):
        raise ValueError(f"{len(points)} points for {len(shares)} shares")
    rows = tuple(point.per_prompt["circuit"] for point in points)
    model_and_ablated = points[0].per_prompt["model"], points[0].per_prompt["ablated"]

    def curves(means: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Faithfulness [shares, resamples] from the means of each circuit, the model and nothing."""
        *circuits, model, ablated = means
        return np.stack([compute_faithfulness(circuit, model, ablated) for circuit in circuits])

    area = partial(np.trapezoid, x=np.array(shares), axis=0)
    statistics = {
        "cpr": lambda *means: area(curves(means)),
        "cmd": lambda *means: area(np.abs(1 - curves(means))),
        "cpr_clipped": lambda *means: area(np.clip(curves(means), 0.0, 1.0)),
    }
    values = (*rows, *model_and_ablated)
    return {name: bootstrap_interval(values, statistic, seed) for name, statistic in statistics.items()}


@dataclass(frozen=True)
class CurveOptions:
    """How the circuits of the curve are chosen."""

    select: str = option(
        "top",
        "how edges are chosen at each size; top, by |score| and pruned, is what MIB reports",
        choices=("top", "greedy", "signed"),
    )
    random: int = option(
        N_RANDOM_CIRCUITS, "random circuits at each size, measured after the curve itself", low=0, high=1000
    )


@dataclass(frozen=True)
class FaithfulnessCurve:
    """The points of the curve, the areas once all sizes are measured, and random circuits of each size."""

    points: list[CurvePoint] = field(default_factory=list)
    areas: dict[str, Interval] = field(default_factory=dict)
    random: list[RandomBaseline] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them; ``areas`` holds the intervals."""
        data: dict[str, Any] = {"points": [point.as_dict() for point in self.points]}
        if self.random:
            data["random"] = [baseline.as_dict() for baseline in self.random]
        if self.areas:
            data |= {name: interval.value for name, interval in self.areas.items()}
            data["areas"] = {name: asdict(interval) for name, interval in self.areas.items()}
        return data


@measures.register(
    "curve",
    summary="Faithfulness at 0.1 to 100 % of the edges; CPR is the area under it, CMD that between it and 1",
    reference="MIB 2025",
    options=CurveOptions,
    opened=True,
    check=lambda measure_input, _options: measure_input.require_scores("curve"),
)
def measure_curve(measure_input: MeasureInput, options: CurveOptions) -> ProgressSteps[FaithfulnessCurve]:
    """Measure circuits of growing size from the same scores, then random circuits of the same sizes."""
    scores, bench = measure_input.require_scores("curve"), measure_input.bench
    n_sizes = len(EDGE_SHARES)
    n_steps = n_sizes * (1 + options.random)
    runner = ProgressRunner(measure_curve_steps(bench, scores, options.select))
    for step in runner:
        points = step.partial if isinstance(step.partial, list) else None
        yield Progress(step.fraction * n_sizes, n_steps, step.message, points and FaithfulnessCurve(points))
    curve = FaithfulnessCurve(runner.result)
    if len(curve.points) == n_sizes:  # or not all edges were scored
        curve = replace(curve, areas=curve_areas(curve.points, seed=bench.setting.task.seed))
    if not options.random:
        return curve
    counts = [point.requested_edges for point in curve.points]
    steps = ProgressRunner(random_baselines_steps(bench, scores.graph, counts, options.random))
    for step in steps:
        partial_curve = replace(curve, random=step.partial) if isinstance(step.partial, list) else None
        yield Progress(n_sizes * (1 + step.done), n_steps, step.message, partial_curve)
    return replace(curve, random=steps.result)
