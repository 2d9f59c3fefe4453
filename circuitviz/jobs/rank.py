"""Every method against a reference, on the model and task that are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz.graph import BoolMatrix, Circuit
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.progress import Driven

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Ranked(Reply):
    """A row for each method that is done, as ``Against.as_dict`` gives them."""

    reference: str
    rows: list[dict[str, Any]]
    done: bool


@dataclass(frozen=True)
class Rank(Request):
    """Search with each method and hold what it finds against the reference."""

    title = "The methods were not compared"
    rank = 45

    name: str
    reference: Circuit
    judged: BoolMatrix | None
    methods: tuple[str, ...]
    metric: str | None
    ablation: str

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Rows as they come, then all."""
        engine.need()
        from circuitviz.evaluation import against_steps

        how = (self.metric, self.ablation, self.judged)
        steps = Driven(against_steps(engine.model, engine.task, self.reference, self.methods, *how))
        for step in steps:
            yield Moved("Comparing methods", step.share, step.message)
            if isinstance(step.partial, list):
                yield self._rows(step.partial, False)
        yield self._rows(steps.result, True)

    def _rows(self, found: list[Any], done: bool) -> Ranked:
        return Ranked(self.name, [row.as_dict() for row in found], done)
