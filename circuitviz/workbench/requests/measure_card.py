"""The measures that a verdict card waits for, one after another, and what they will cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from circuitviz import discovery, evaluation
from circuitviz.errors import InputError
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.compute_measure import ComputeMeasure, MeasureResult
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class PartMeasured(MeasureResult):
    """What one of several measures has found; the job goes on."""

    @property
    def is_final(self) -> bool:
        """Never: ``CardMeasured`` ends the job."""
        return False


@dataclass(frozen=True)
class CardMeasured(Reply):
    """All measures were taken; ``refusals`` says by measure why it could not be."""

    refusals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasureCard(Request):
    """Take several measures of a circuit; what is there stays where it is cancelled."""

    title = "Could not complete the verdict card"
    priority = Priority.COMPUTE_MEASURE

    measures: tuple[ComputeMeasure, ...]

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The results of each measure as they come."""
        refusals: dict[str, str] = {}
        for number, measure in enumerate(self.measures):
            try:
                for reply in measure.execute(engine):
                    if isinstance(reply, ProgressReported):
                        done = (number + reply.fraction) / len(self.measures)
                        message = f"{measure.measure}: {reply.message}"
                        yield ProgressReported("Measuring the verdict card", done, message)
                    elif isinstance(reply, MeasureResult):
                        yield PartMeasured(**{f.name: getattr(reply, f.name) for f in fields(reply)})
                    else:
                        yield reply
            except InputError as error:
                refusals[measure.measure] = str(error)
        yield CardMeasured(refusals)


@dataclass(frozen=True)
class EstimateCard(Query):
    """How long measures will take together, in words; None where none says what it costs."""

    title = "Could not estimate the verdict card"
    priority = Priority.READING
    activity = "Estimating the measures"

    measures: tuple[ComputeMeasure, ...]

    def compute_steps(self, engine: Engine) -> ProgressSteps[str | None]:
        """A forward pass over some of the prompts, where none was measured yet."""
        total: float | None = None
        for measure in self.measures:
            if not engine.can_measure(measure.requirements, measure.circuit.graph):
                return None
            try:
                subject = measure.task_input(engine)
                task_pass = engine.shared.task_passes.find(subject.bench.setting)
                steps = evaluation.estimate_measure_steps(measure.measure, subject, task_pass)
                seconds = yield from steps
            except InputError:
                continue  # it will be refused
            total = total if seconds is None else (total or 0.0) + seconds
        return None if total is None else f"about {discovery.describe_seconds(total)}"
