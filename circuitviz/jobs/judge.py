"""The longer measures of a circuit: in the background, cancellable, partial results shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Circuit, Scores
from circuitviz.jobs.messages import Moved, Reply, Request

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Judged(Reply):
    """What a measure has found; ``done`` once it is whole. ``key`` names the state that was measured."""

    measure: str
    options: dict[str, Any]
    key: str
    result: dict[str, Any]
    done: bool


@dataclass(frozen=True)
class Judge(Request):
    """Take a measure of a circuit."""

    title = "The measure was not taken"
    rank = 40

    measure: str
    options: dict[str, Any]
    key: str
    circuit: Circuit
    scores: Scores | None
    select: str = "greedy"
    asked: float | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    selection: tuple[str, ...] = ()

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """What is found so far, step by step, then the whole."""
        engine.need()
        from circuitviz.evaluation import Subject, measure_steps

        options = {} if self.scores is None else self.scores.options
        bench = engine.bench(False, False, self.circuit.graph, options)
        subject = Subject(
            bench, self.circuit, self.scores, self.select, self.asked, self.classes, self.selection
        )
        steps = measure_steps(self.measure, subject, **self.options)
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                yield self._judged(end.value, True)
                return
            share = step.done / step.total if step.total else 0.0
            yield Moved(f"Measuring {self.measure}", share, step.message)
            if step.partial is not None:
                yield self._judged(step.partial, False)

    def _judged(self, result: Any, done: bool) -> Judged:
        return Judged(self.measure, self.options, self.key, result.as_dict(), done)
