"""Faithfulness against size: how few edges are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from circuitviz.evaluation.faithfulness import Bench
from circuitviz.evaluation.intervals import Interval
from circuitviz.evaluation.measures import Subject, measures
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import Driven, Progress, Steps

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # MIB 2025


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One circuit of the curve: edges asked for, edges left after pruning, its faithfulness."""

    asked: int
    edges: int
    faithfulness: Interval

    def as_dict(self) -> dict[str, float | int | None]:
        """The point as files, window and command line hold it."""
        return {"asked": self.asked, "edges": self.edges, **asdict(self.faithfulness)}


def sizes(n_edges: int, shares: Sequence[float] = SHARES) -> list[int]:
    """Numbers of edges at MIB's shares of a graph, at least one each, without repeats."""
    return sorted({max(1, round(share * n_edges)) for share in shares})


def curve_steps(
    bench: Bench, scores: Scores, how: str = "greedy", counts: Sequence[int] | None = None
) -> Steps[list[CurvePoint]]:
    """Measure the circuit of each size; partial results are the points so far."""
    points: list[CurvePoint] = []
    wanted = list(counts) if counts is not None else sizes(scores.graph.n_edges)
    yield from bench.prepare()
    for number, asked in enumerate(wanted, start=1):
        circuit = scores.select(how, asked)
        measured = yield from bench.evaluate(circuit)
        points.append(CurvePoint(asked, circuit.n_edges, measured.faithfulness))
        yield Progress(number, len(wanted), f"{asked:,} edges", list(points))
    return points


def areas(points: Sequence[CurvePoint], n_edges: int) -> dict[str, float]:
    """CPR, the area under the curve, and CMD, the area between it and 1 (MIB 2025).

    Trapezoids over the share of edges asked for, from 0 (faithfulness 0) to 1.
    """
    x = np.array([0.0, *(p.asked / n_edges for p in points)])
    y = np.array([0.0, *(np.nan if p.faithfulness.value is None else p.faithfulness.value for p in points)])
    return {"cpr": float(np.trapezoid(y, x)), "cmd": float(np.trapezoid(np.abs(1 - y), x))}


@dataclass(frozen=True)
class CurveOptions:
    """How the circuits of the curve are chosen."""

    select: str = option("greedy", "how edges are chosen at each size", choices=("greedy", "top", "signed"))


@dataclass(frozen=True)
class Curve:
    """The points, and the areas once all are there."""

    points: list[CurvePoint] = field(default_factory=list)
    areas: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them."""
        return {"points": [point.as_dict() for point in self.points], **self.areas}


@measures.register(
    "curve",
    summary="Faithfulness at 0.1 to 100 % of the edges; CPR is the area under it, CMD that between it and 1",
    reference="MIB 2025",
    options=CurveOptions,
    opened=True,
)
def curve(subject: Subject, options: CurveOptions) -> Steps[Curve]:
    """Circuits of growing size from the same scores."""
    scores = subject.need_scores("curve")
    steps = Driven(curve_steps(subject.bench, scores, options.select))
    for step in steps:
        points = step.partial if isinstance(step.partial, list) else None
        yield replace(step, partial=points and Curve(points))
    return Curve(steps.result, areas(steps.result, scores.graph.n_edges))
