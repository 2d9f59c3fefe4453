"""The longer measures of a circuit: in the background, cancellable, partial results shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz import evaluation
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Scores
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest, open_bench
from circuitviz.workbench.requests.discover_prompt_circuit import (
    open_prompt_session,
    require_prompt_session,
)
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine
    from circuitviz.workbench.prompt_session import PromptSession


@dataclass(frozen=True)
class MeasureResult(Reply):
    """What a measure has found; ``done`` once it is whole. ``key`` names the state that was measured."""

    measure: str
    options: dict[str, Any]
    key: str
    result: dict[str, Any]
    done: bool

    @property
    def record(self) -> dict[str, Any]:
        """What a document keeps of it."""
        return {"key": self.key, "options": self.options, "result": self.result, "done": self.done}


@dataclass(frozen=True)
class ComputeMeasure(Request):
    """Take a measure of a circuit; ``evaluation_request`` says what a circuit of features is measured on."""

    title = "Could not compute the measure"
    priority = Priority.COMPUTE_MEASURE

    measure: str
    options: dict[str, Any]
    key: str
    circuit: Circuit
    scores: Scores | None
    select: str = "greedy"
    requested_size: float | None = None
    node_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    selection: tuple[str, ...] = ()
    evaluation_request: PromptEvaluationRequest | None = None
    device: str = "cpu"
    requirements: tuple[object, ...] = ()  # Origin.requirements

    def for_card(self, engine: Engine) -> evaluation.CardMeasure:
        """The measure as a verdict card takes it, on the bench of the open task."""
        return evaluation.card_measure(self.measure, self._require_task_input(engine))

    def check_input(self, engine: Engine) -> None:
        """InputError where the measure does not suit the circuit, the prompts or the options."""
        trial = self.evaluation_request
        if trial is None:
            if not engine.can_measure(self.requirements, self.circuit.graph):
                return  # what it is measured on is not open
            subject: evaluation.MeasureInput | evaluation.FeatureMeasureInput = self.task_input(engine)
        else:
            subject = self._prompt_input(require_prompt_session(engine, trial.query), trial)
        evaluation.check_measure(self.measure, subject, **self._recorded_options)

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """What is found so far, step by step, then the whole."""
        subject = yield from self._measure_input(engine)
        steps = ProgressRunner(evaluation.measure_steps(self.measure, subject, **self._recorded_options))
        for step in steps:
            yield ProgressReported(f"Measuring {self.measure}", step.fraction, step.message)
            if step.partial is not None:
                yield self._make_result(step.partial, False)
        yield self._make_result(steps.result, True)

    def _measure_input(
        self, engine: Engine
    ) -> Generator[Reply, None, evaluation.MeasureInput | evaluation.FeatureMeasureInput]:
        """What is judged, on the bench that is open."""
        one = self.evaluation_request
        if one is not None:
            opened = yield from open_prompt_session(engine, one.query, self.device)
            return self._prompt_input(opened, one)
        return self._require_task_input(engine)

    def _require_task_input(self, engine: Engine) -> evaluation.MeasureInput:
        """The circuit of heads that is judged; InputError where its task is not open."""
        if not engine.can_measure(self.requirements, self.circuit.graph):
            raise InputError(
                f"{self.measure.capitalize()} was asked for while a search opened another model or task; "
                "measure it again once this circuit's own is open."
            )
        return self.task_input(engine)

    def _prompt_input(
        self, session: PromptSession, trial: PromptEvaluationRequest
    ) -> evaluation.FeatureMeasureInput:
        return evaluation.FeatureMeasureInput(
            open_bench(session),
            trial.nodes,
            trial.interventions,
            trial.ablation,
            trial.errors,
            self.selection,
        )

    def task_input(self, engine: Engine) -> evaluation.MeasureInput:
        """The circuit of heads that is judged, on the bench of the open task."""
        options = {} if self.scores is None else self.scores.options
        bench = engine.require_experiment().bench(self.circuit.graph, options)
        return evaluation.MeasureInput(
            bench,
            self.circuit,
            self.scores,
            self.select,
            self.requested_size,
            self.node_classes,
            self.selection,
        )

    @property
    def _recorded_options(self) -> dict[str, Any]:
        """The options with the selected nodes by name, so that what is kept says what was measured."""
        if self.options.get("nodes") != "selection" or not self.selection:
            return self.options
        return {**self.options, "nodes": ",".join(self.selection)}

    def _make_result(self, result: Any, done: bool) -> MeasureResult:
        return MeasureResult(self.measure, self._recorded_options, self.key, result.as_dict(), done)
