"""Finding a circuit: what is needed is loaded, every edge scored, a circuit chosen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitviz import discovery, evaluation, models, tasks
from circuitviz.cancellation import Cancelled
from circuitviz.document import Command, Origin, PromptOrigin, State, TaskOrigin, replace_circuit
from circuitviz.document.origin import (
    OTHER_SUBJECT,
    SAME_MODEL,
    SAME_SUBJECT,
    TYPED_PAIR_TASK,
    PairTexts,
)
from circuitviz.dtypes import AUTO_DTYPE
from circuitviz.graph import Circuit, Scores, TaskCheck
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class SearchResult(Reply):
    """Scores and the circuit chosen from them; ``partial`` while the method is still at work.

    ``cancelled``: it came to no end, by a person's wish or by a failure, and this is what it had;
    ``last_step`` says how far it had come.
    """

    scores: Scores
    circuit: Circuit
    origin: Origin
    partial: bool
    cancelled: bool = False
    last_step: str = ""

    def command(self) -> Command:
        """What puts it into the document."""
        text = f"Find a circuit with {self.scores.method}"
        return replace_circuit(self.circuit, self.scores, self.origin, text)


@dataclass(frozen=True)
class TaskChecked(Reply):
    """Whether the model does the task that is about to be searched on."""

    check: TaskCheck

    @property
    def is_final(self) -> bool:
        """False: the search comes after it."""
        return False


@dataclass(frozen=True)
class UnusableRowsFound(Reply):
    """Rows of a request's task file cannot be used: whether to leave them out is for the person to say.

    retry: the request that leaves them out; file: its name; count: how many rows can be used, with reasons;
    first_error: what is wrong with the first.
    """

    request: Request
    retry: Request
    file_name: str
    usable_rows_text: str
    first_error: str


@dataclass(frozen=True)
class DiscoverCircuit(Request):
    """Load what is needed, score every edge, choose a circuit (``select``: empty as suits the method).

    ``pairs``: prompts of a document in place of the task's own, where that is not on this machine.
    ``skip_unusable``: leave out the rows of a task file that cannot be used; else ``UnusableRowsFound`` asks.
    """

    title = "Could not find a circuit"
    priority = Priority.OPEN_MODEL
    invalidates_queue = True

    model: str
    task: str
    pairs: tuple[PairTexts, ...] | None
    n_prompts: int
    seed: int
    method: str
    options: dict[str, Any]
    metric: str
    ablation: str
    select: str
    n_edges: int
    device: str = "cpu"
    skip_unusable: bool = False
    dtype: str = AUTO_DTYPE
    by_span: bool = False

    @classmethod
    def from_origin(cls, origin: TaskOrigin, device: str) -> DiscoverCircuit:
        """The search that a document came from, to be changed and asked again."""
        pairs = origin.pairs if origin.task == TYPED_PAIR_TASK and origin.pairs else None
        return cls(
            origin.model, origin.task, pairs, origin.prompts, origin.seed, origin.method,
            dict(origin.options), origin.metric, origin.ablation, origin.select,
            int(origin.requested or 200), device, bool(origin.task_options.get("left_out")), origin.dtype,
            origin.by_span,
        )  # fmt: skip

    def relation_to(self, origin: Origin | None) -> int:
        """How near the circuit that it asks for will be to one that was found before (`subject_relation`)."""
        match origin:
            case TaskOrigin(model=self.model):
                before = DiscoverCircuit.from_origin(origin, "")
                is_same_pair = before.pairs is None or self.pairs == before.pairs
                same = self.task == before.task and is_same_pair
                return SAME_SUBJECT if same else SAME_MODEL
            case PromptOrigin(model=self.model):
                return SAME_MODEL
            case _:
                return OTHER_SUBJECT

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Partial results, then the result; one that is cancelled or fails leaves its last in ``kept``."""
        yield from engine.open_model(self.model, self.device, self.dtype)
        try:
            task = self.load_task(engine.model)
        except tasks.UnusableRowsError as error:
            if not error.usable:
                raise
            yield UnusableRowsFound(
                self, self.without_unusable_rows(), error.name, error.summary, error.first_error
            )
            return
        engine.set_task(task, self.metric or None, self.ablation)
        metric, ablation = engine.setting.metric, engine.setting.ablation
        yield engine.model_ready()
        search = discovery.discover_steps(
            engine.model, task, self.method, metric, ablation, self.by_span, **self.options
        )
        check = yield from engine.check_task()
        yield TaskChecked(check)
        if discovery.is_trained(self.method):
            seconds = engine.shared.task_passes.find(engine.setting).seconds_a_prompt
            search = evaluation.follow_training_steps(engine.setting, search, self._choose, seconds)
        steps = ProgressRunner(search)
        began = time.perf_counter()
        last: Scores | None = None
        reached = ""
        try:
            for step in steps:
                passed = time.perf_counter() - began
                left = passed / step.fraction - passed if step.fraction > 0.02 else None
                yield ProgressReported(
                    f"Finding a circuit with {self.method}", step.fraction, step.message, left
                )
                if isinstance(step.partial, Scores):
                    last, reached = check.add_to(replace(step.partial, method=self.method)), step.message
                    yield self._make_result(engine, last, began)
        except (GeneratorExit, Cancelled, Exception):
            engine.partial_result = (
                None if last is None else self._make_result(engine, last, began, True, reached)
            )
            raise
        yield self._make_result(engine, check.add_to(steps.result), began)

    def without_unusable_rows(self) -> DiscoverCircuit:
        """The same search without the rows of its task file that cannot be used."""
        return replace(self, skip_unusable=True)

    def load_task(self, model: models.Model) -> tasks.Task:
        """The task, or the pair that was typed, for a model; UnusableRowsError as it comes."""
        if self.pairs is None:
            return tasks.load_task(
                self.task, model, self.n_prompts, self.seed, skip_unusable=self.skip_unusable
            )
        pairs = [tasks.PromptPair(*pair) for pair in self.pairs]
        metric = "logit-diff" if all(pair.incorrect for pair in pairs) else "log-prob"
        return tasks.Task.from_pairs(self.task, pairs, model.tokens, metric, self.seed)

    def _choose(self, scores: Scores) -> Circuit:
        return scores.select(*self._selection(scores))

    def _selection(self, scores: Scores) -> tuple[str, int]:
        """How the circuit is chosen from scores, and how many edges are asked for."""
        select = self.select or discovery.default_selection(self.method)
        return select, min(self.n_edges, scores.graph.n_edges)

    def _make_result(
        self, engine: Engine, scores: Scores, start_time: float, cancelled: bool = False, last_step: str = ""
    ) -> SearchResult:
        select, edges = self._selection(scores)
        state: State = select_circuit(
            engine.model, engine.task, scores, engine.setting.metric, engine.setting.ablation, select, edges,
            time.perf_counter() - start_time, self.task,
        )  # fmt: skip
        assert state.circuit is not None and isinstance(state.origin, TaskOrigin)
        engine.require_experiment().origin = state.origin
        return SearchResult(scores, state.circuit, state.origin, scores.partial, cancelled, last_step)
