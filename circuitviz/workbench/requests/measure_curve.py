"""Faithfulness against the number of edges, point by point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz import evaluation
from circuitviz.graph import Scores
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class CurveMeasured(Reply):
    """The curve so far."""

    points: tuple[dict[str, Any], ...]
    done: bool


@dataclass(frozen=True)
class MeasureCurve(Request):
    """Measure circuits of growing size."""

    title = "Could not measure the curve"
    priority = Priority.MEASURE_CURVE

    scores: Scores
    select: str
    requirements: tuple[object, ...] = ()  # Origin.requirements

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The points so far, after each; none where another task is open."""
        if not engine.can_measure(self.requirements, self.scores.graph):
            return
        bench = engine.require_experiment().bench(self.scores.graph, self.scores.options)
        counts = sorted({max(1, size) for size in evaluation.mib_edge_counts(self.scores.graph.n_edges)})
        steps = ProgressRunner(evaluation.measure_curve_steps(bench, self.scores, self.select, counts))
        for step in steps:
            yield ProgressReported("Measuring the curve", step.fraction, step.message)
            if isinstance(step.partial, list):
                yield CurveMeasured(_points_as_dicts(step.partial), False)
        yield CurveMeasured(_points_as_dicts(steps.result), True)


def _points_as_dicts(points: list[evaluation.CurvePoint]) -> tuple[dict[str, Any], ...]:
    return tuple(point.as_dict() for point in points)
