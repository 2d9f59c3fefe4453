"""Questions about features: a prompt is opened once, and every further answer is made from its rows."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Scores
from circuitviz.jobs.adopt import UNASKED, needed_for, without_network
from circuitviz.jobs.look import Look
from circuitviz.jobs.messages import Moved, Ready, Reply, Request, moving
from circuitviz.progress import Driven, Progress, Steps, finish
from circuitviz.session import Provenance
from circuitviz.session.question import TASK, Question

if TYPE_CHECKING:
    from circuitviz.features import Dictionary
    from circuitviz.jobs.engine import Engine
    from circuitviz.session.prompted import Answer, Prompted

CURVE_POINTS = 24


@dataclass(frozen=True)
class Answered(Reply):
    """The circuit that answers a question; ``moved``: of the question before, only the threshold is other."""

    scores: Scores
    circuit: Circuit
    provenance: Provenance
    moved: bool = False


@dataclass(frozen=True)
class AskQuestion(Request):
    """Answer a question, opening what it needs: model, dictionaries, prompt, target."""

    title = "The circuit was not found"
    rank = 1

    question: Question
    device: str = "cpu"

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Ready where something was opened, then the circuit."""
        before = engine.prompted
        opened = yield from prompted(engine, self.question, self.device)
        if opened is not before:
            yield ready(engine, opened)
        yield _answered((yield from moving("Tracing the features", opened.answer(self.question))))


@dataclass(frozen=True)
class MoveThreshold(Request):
    """The same circuit at another threshold: a walk over rows that are there already. The latest wins."""

    title = "The threshold was not moved"
    rank = 4

    question: Question
    tau: float
    device: str = "cpu"

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One answer, marked as a move."""
        opened = yield from prompted(engine, self.question, self.device)
        yield _answered(finish(opened.answer(self.question.at(self.tau))), moved=True)


@dataclass(frozen=True)
class AdoptQuestion(Request):
    """Open what a document of features needs, so that its threshold can be moved and it can be measured."""

    title = "The model was not opened"
    rank = 0
    fresh = True

    provenance: Provenance
    circuit: Circuit
    device: str = "cpu"
    consent: str = UNASKED

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Ready, with a warning where weights or dictionaries differ from the document's; or Needed."""
        if (needed := needed_for(engine, self.provenance, self.consent)) is not None:
            yield needed
            return
        yield from without_network(self._adopt(engine), self.consent)

    def _adopt(self, engine: Engine) -> Generator[Reply, None, None]:
        question = Question.of(self.provenance)
        if question is None:
            raise InputError("This document is no circuit of features.")
        yield from engine.load(question.model, self.device)
        from circuitviz.session.origin import mismatch

        message = mismatch(self.provenance, engine.model, self.circuit)
        opened = yield from prompted(engine, question, self.device)
        now = opened.provenance(question)
        if not message and now.task_hash != self.provenance.task_hash:
            message = "The prompt or its dictionaries are not those that this circuit was found with."
        yield ready(engine, opened, message)


@dataclass(frozen=True)
class FractionPoint:
    """What a threshold keeps: nodes, and the kept leaves' attribution over the target's value."""

    tau: float
    nodes: int
    fraction: float


@dataclass(frozen=True)
class FractionCurve(Look):
    """The attribution fraction against the threshold, from the highest on."""

    title = "Fraction against threshold"
    rank = 46
    of_task = False

    question: Question
    device: str = "cpu"

    def see(self, engine: Engine) -> Steps[tuple[FractionPoint, ...]]:
        """Points as they come, highest threshold first."""
        from circuitviz.features import fraction_curve

        opened = opened_prompt(engine, self.question)
        yield Progress(0, 1, "", ())
        edges, target, high = opened.edges, opened.target, opened.highest
        taus = [high * 0.98 * 10 ** (-3 * i / (CURVE_POINTS - 1)) for i in range(CURVE_POINTS)]
        steps = Driven(fraction_curve(edges, target, taus, self.question.method, self.question.gate))
        for step in steps:
            yield replace(step, partial=_points(step.partial))
        return _points(steps.result)


def prompted(engine: Engine, question: Question, device: str) -> Generator[Reply, None, Prompted]:
    """Open a question's prompt on the worker, unless it is open, and aim at its target."""
    yield from engine.load(question.model, device)
    held = _held(engine, question)
    if held is None:
        from circuitviz.session.prompted import open_prompt

        yield Moved("Opening the prompt", 0.0, question.prompt[:40])
        found = yield from dictionaries_of(engine, question.dictionaries)
        held = open_prompt(engine.model, question, found)
        engine.prompted = held
    else:
        held.aim(question)
    return held


def opened_prompt(engine: Engine, question: Question) -> Prompted:
    """The prompt that is open, aimed where the question aims; InputError where another one is."""
    held = _held(engine, question)
    if held is None:
        raise InputError("The prompt of this circuit is not open.")
    held.aim(question)
    return held


def _held(engine: Engine, question: Question) -> Prompted | None:
    """What is open, where it is the question's prompt."""
    held: Prompted | None = engine.prompted
    return held if held is not None and held.question.opening == question.opening else None


def ready(engine: Engine, opened: Prompted, warning: str = "") -> Ready:
    """What is open now, as for a task: one prompt."""
    asked = opened.question
    return Ready(
        model=engine.model.name,
        device=str(engine.model.device),
        task=TASK,
        metric=asked.metric,
        ablation=asked.ablation,
        prompts=(asked.prompt,),
        n_edges=engine.model.graph.n_edges,
        warning=" ".join([warning, *opened.warnings]).strip(),
    )


def dictionaries_of(engine: Engine, folders: Sequence[str]) -> Generator[Reply, None, Sequence[Dictionary]]:
    """Those that are open where they are meant, else read from their folders (none: the demo's own)."""
    from circuitviz.features import given_or_shipped, load_dictionaries_steps

    held: Prompted | None = engine.prompted
    if held is not None and held.question.dictionaries == tuple(folders):
        return held.dictionaries
    shelf = engine.shelf
    if shelf is not None and shelf.model is engine.model and shelf.folders == tuple(folders):
        return list(shelf.dictionaries.values())
    steps = load_dictionaries_steps(given_or_shipped(folders, engine.model), engine.model)
    return (yield from moving("Opening dictionaries", steps))


def _points(found: Any) -> tuple[FractionPoint, ...]:
    return tuple(FractionPoint(one.tau, len(one.kept), one.fraction) for one in found)


def _answered(found: Answer, moved: bool = False) -> Answered:
    return Answered(found.scores, found.circuit, found.provenance, moved)
