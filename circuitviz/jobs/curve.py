"""Faithfulness against the number of edges, point by point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Scores
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.progress import Driven

if TYPE_CHECKING:
    from circuitviz.evaluation import CurvePoint
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Points(Reply):
    """The curve so far."""

    points: tuple[dict[str, Any], ...]
    done: bool


@dataclass(frozen=True)
class Curve(Request):
    """Measure circuits of growing size."""

    title = "The curve was not drawn"
    rank = 30

    scores: Scores
    select: str
    opening: tuple[object, ...] = ()  # Provenance.opening

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """The points so far, after each; none where another task is open."""
        if not engine.serves(self.opening, self.scores.graph):
            return
        engine.need()
        from circuitviz.evaluation import curve_steps, edge_counts

        counts = sorted({max(1, size) for size in edge_counts(self.scores.graph.n_edges)})
        steps = Driven(curve_steps(engine.bench_of(self.scores), self.scores, self.select, counts))
        for step in steps:
            yield Moved("Drawing the curve", step.share, step.message)
            if isinstance(step.partial, list):
                yield Points(_points(step.partial), False)
        yield Points(_points(steps.result), True)


def _points(points: list[CurvePoint]) -> tuple[dict[str, Any], ...]:
    return tuple(point.as_dict() for point in points)
