"""The measures that a verdict card waits for, one after another, and what they will cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from circuitviz import discovery, evaluation
from circuitviz.errors import InputError
from circuitviz.progress import ProgressRunner, ProgressSteps
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
                one = measure.for_card(engine)
                steps = ProgressRunner(
                    evaluation.measure_steps(measure.measure, one.measure_input, **one.options)
                )
                for step in steps:
                    done = (number + step.fraction) / len(self.measures)
                    message = f"{measure.measure}: {step.message}"
                    yield ProgressReported("Measuring the verdict card", done, message)
                    if step.partial is not None:
                        found = one.as_dict(step.partial)
                        yield PartMeasured(measure.measure, one.options, measure.key, found, False)
                found = one.as_dict(steps.result)
                yield PartMeasured(measure.measure, one.options, measure.key, found, True)
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
                one = measure.for_card(engine)
                task_pass = engine.shared.task_passes.find(one.measure_input.bench.setting)
                steps = evaluation.estimate_measure_steps(
                    measure.measure, one.measure_input, task_pass, **one.options
                )
                seconds = yield from steps
            except InputError:
                continue  # it will be refused
            total = total if seconds is None else (total or 0.0) + seconds
        return None if total is None else f"about {discovery.describe_seconds(total)}"
