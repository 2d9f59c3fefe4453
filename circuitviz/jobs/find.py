"""Finding a circuit: what is needed is loaded, every edge scored, a circuit chosen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Circuit, Scores
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.progress import Driven
from circuitviz.session import Command, Provenance, State, replace_circuit
from circuitviz.session.provenance import text_answers
from circuitviz.session.question import OTHER, SAME_MODEL, SAME_SUBJECT, TYPED_PAIR, Question
from circuitviz.stopping import Stopped

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.tasks import Task


@dataclass(frozen=True)
class Found(Reply):
    """Scores and the circuit chosen from them; ``partial`` while the method is still at work.

    ``cancelled``: it came to no end, by a person's wish or by a failure, and this is what it had;
    ``reached`` says how far it had come.
    """

    scores: Scores
    circuit: Circuit
    provenance: Provenance
    partial: bool
    cancelled: bool = False
    reached: str = ""

    def command(self) -> Command:
        """What puts it into the document."""
        text = f"Find a circuit with {self.scores.method}"
        return replace_circuit(self.circuit, self.scores, self.provenance, text)


@dataclass(frozen=True)
class SomeUnusable(Reply):
    """Rows of a request's task file cannot be used: whether to leave them out is for the person to say.

    again: the request that leaves them out; file: its name; count: how many rows can be used, with reasons;
    first: what is wrong with the first.
    """

    request: Request
    again: Request
    file: str
    count: str
    first: str


@dataclass(frozen=True)
class Find(Request):
    """Load what is needed, score every edge, choose a circuit (``select``: empty as suits the method).

    ``pair``: clean and corrupted prompt, correct and incorrect answers, instead of a task.
    ``skip_unusable``: leave out the rows of a task file that cannot be used; else ``SomeUnusable`` asks.
    """

    title = "The circuit was not found"
    rank = 0
    fresh = True

    model: str
    task: str
    pair: tuple[str, str, str, str] | None
    prompts: int
    seed: int
    method: str
    options: dict[str, Any]
    metric: str
    ablation: str
    select: str
    edges: int
    device: str = "cpu"
    skip_unusable: bool = False

    @classmethod
    def like(cls, where: Provenance, device: str) -> Find:
        """The search that a document came from, to be changed and asked again."""
        pair = None
        if where.task == TYPED_PAIR and where.pairs:
            clean, corrupted, right, wrong = where.pairs[0]
            pair = (clean, corrupted, "|".join(text_answers(right)), "|".join(text_answers(wrong)))
        return cls(
            where.model, where.task, pair, where.prompts, where.seed, where.method, dict(where.options),
            where.metric, where.ablation, where.select, int(where.asked or 200), device,
            bool(where.task_options.get("left_out")),
        )  # fmt: skip

    def kin(self, where: Provenance | None) -> int:
        """How near the circuit that it asks for will be to one that was found before (``kin_of``)."""
        if where is None or self.model != where.model:
            return OTHER
        if Question.of(where) is not None:
            return SAME_MODEL
        before = Find.like(where, "")
        same = self.pair == before.pair and (self.pair is not None or self.task == before.task)
        return SAME_SUBJECT if same else SAME_MODEL

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Partial results, then the result; one that is cancelled or fails leaves its last in ``kept``."""
        yield from engine.load(self.model, self.device)
        from circuitviz.discovery import discover_steps
        from circuitviz.tasks import UnusableRowsError

        try:
            task = self.task_on(engine)
        except UnusableRowsError as error:
            if not error.usable:
                raise
            yield SomeUnusable(self, self.skipping(), error.name, error.count, error.first)
            return
        engine.set_task(task, self.metric or None, self.ablation)
        metric, ablation = engine.where.metric, engine.where.ablation
        yield engine.ready()
        began = time.perf_counter()
        last: Scores | None = None
        reached = ""
        steps = Driven(discover_steps(engine.model, task, self.method, metric, ablation, **self.options))
        try:
            for step in steps:
                passed = time.perf_counter() - began
                left = passed / step.share - passed if step.share > 0.02 else None
                yield Moved(f"Finding a circuit with {self.method}", step.share, step.message, left)
                if isinstance(step.partial, Scores):
                    last, reached = replace(step.partial, method=self.method), step.message
                    yield self._found(engine, last, began)
        except (GeneratorExit, Stopped, Exception):
            engine.kept = None if last is None else self._found(engine, last, began, True, reached)
            raise
        yield self._found(engine, steps.result, began)

    def skipping(self) -> Find:
        """The same search without the rows of its task file that cannot be used."""
        return replace(self, skip_unusable=True)

    def task_on(self, engine: Engine) -> Task:
        """The task, or the pair that was typed, for the model that is open; UnusableRowsError as it comes."""
        from circuitviz.tasks import Pair, Task, load_task

        if self.pair is None:
            return load_task(
                self.task, engine.model, self.prompts, self.seed, skip_unusable=self.skip_unusable
            )
        clean, corrupted, right, wrong = self.pair
        pair = Pair(clean, corrupted, _answers(right), _answers(wrong))
        return Task.from_pairs(TYPED_PAIR, [pair], engine.model.tokens)

    def _found(
        self, engine: Engine, scores: Scores, began: float, cancelled: bool = False, reached: str = ""
    ) -> Found:
        from circuitviz.discovery import natural_select
        from circuitviz.session.origin import chosen

        edges = min(self.edges, scores.graph.n_edges)
        select = self.select or natural_select(self.method)
        state: State = chosen(
            engine.model, engine.task, scores, engine.where.metric, engine.where.ablation, select, edges,
            time.perf_counter() - began, None if self.pair else self.task,
        )  # fmt: skip
        assert state.circuit is not None and state.provenance is not None
        engine.opened_for = state.provenance.opening
        return Found(scores, state.circuit, state.provenance, scores.partial, cancelled, reached)


def _answers(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("|") if part)
