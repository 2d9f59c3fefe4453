"""The longer measures of a circuit: in the background, cancellable, partial results shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Scores
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.jobs.prompted import prompted
from circuitviz.progress import Driven
from circuitviz.session import Trial

if TYPE_CHECKING:
    from circuitviz.evaluation import FeatureSubject, Subject
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Judged(Reply):
    """What a measure has found; ``done`` once it is whole. ``key`` names the state that was measured."""

    measure: str
    options: dict[str, Any]
    key: str
    result: dict[str, Any]
    done: bool

    @property
    def found(self) -> dict[str, Any]:
        """What a document keeps of it."""
        return {"key": self.key, "options": self.options, "result": self.result, "done": self.done}


@dataclass(frozen=True)
class Judge(Request):
    """Take a measure of a circuit; ``trial``: what it is of, where it is of features on a prompt."""

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
    trial: Trial | None = None
    device: str = "cpu"
    opening: tuple[object, ...] = ()  # Provenance.opening

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """What is found so far, step by step, then the whole."""
        from circuitviz.evaluation import measure_steps

        subject = yield from self._subject(engine)
        steps = Driven(measure_steps(self.measure, subject, **self._named))
        for step in steps:
            yield Moved(f"Measuring {self.measure}", step.share, step.message)
            if step.partial is not None:
                yield self._judged(step.partial, False)
        yield self._judged(steps.result, True)

    def _subject(self, engine: Engine) -> Generator[Reply, None, Subject | FeatureSubject]:
        """What is judged, on the bench that is open."""
        from circuitviz.evaluation import FeatureSubject, Subject
        from circuitviz.session.causal import bench_of

        one = self.trial
        if one is not None:
            opened = yield from prompted(engine, one.question, self.device)
            changes = tuple(one.changes())
            return FeatureSubject(
                bench_of(opened), one.nodes, changes, one.ablation, one.errors, self.selection
            )
        engine.need()
        if not engine.serves(self.opening, self.circuit.graph):
            raise InputError(
                f"{self.measure.capitalize()} was asked for while a search opened another model or task; "
                "measure it again once this circuit's own is open."
            )
        options = {} if self.scores is None else self.scores.options
        bench = engine.bench(False, False, self.circuit.graph, options)
        return Subject(
            bench, self.circuit, self.scores, self.select, self.asked, self.classes, self.selection
        )

    @property
    def _named(self) -> dict[str, Any]:
        """The options with the selected nodes by name, so that what is kept says what was measured."""
        if self.options.get("nodes") != "selection" or not self.selection:
            return self.options
        return {**self.options, "nodes": ",".join(self.selection)}

    def _judged(self, result: Any, done: bool) -> Judged:
        return Judged(self.measure, self._named, self.key, result.as_dict(), done)
