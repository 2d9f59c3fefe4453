"""The course of a training: how faithful the circuit of a ranking was while the ranking was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from circuitviz.graph.scores import Scores

COURSE_KEY = "course"  # key in ``Scores.info``


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """Faithfulness of the circuit that was chosen at one step.

    Attributes:
        step: The step.
        edges: Number of edges of the circuit.
        prompts: Number of the search's prompts that it was measured on.
        value: Faithfulness; None where it is undefined.
        low: Lower end of its 95 % interval; None on one prompt.
        high: Upper end.
    """

    step: int
    edges: int
    prompts: int
    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """The point in words.

        >>> CoursePoint(40, 200, 8, 0.8, 0.7, 0.9).text
        'faithfulness 0.800 [0.700, 0.900] of 200 edges on 8 prompts at step 40'
        """
        if self.value is None:
            return f"faithfulness undefined on {self.prompts} prompts at step {self.step:,}"
        interval = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        of = f"of {self.edges:,} edges on {self.prompts} prompt{'s' * (self.prompts != 1)}"
        return f"faithfulness {self.value:.3f}{interval} {of} at step {self.step:,}"


def add_course(scores: Scores, points: Sequence[CoursePoint]) -> Scores:
    """The same scores with the course of their training; as they are without points."""
    if not points:
        return scores
    return replace(scores, info={**scores.info, COURSE_KEY: [asdict(point) for point in points]})


def course_of(scores: Scores | None) -> list[dict[str, Any]]:
    """The points of a training as files and charts have them; empty where there are none."""
    return [] if scores is None else list(scores.info.get(COURSE_KEY, ()))
