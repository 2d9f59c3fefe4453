"""Questions about features: a prompt is opened once, and every further answer is made from its rows."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitviz import features
from circuitviz.document import Command, PromptOrigin, replace_circuit
from circuitviz.document.attribution_query import PROMPT_TASK, AttributionQuery
from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Scores
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps, run_to_completion
from circuitviz.workbench.experiment import open_prompt_steps
from circuitviz.workbench.prompt_session import (
    PromptCircuit,
    PromptSession,
    check_query,
    open_prompt,
)
from circuitviz.workbench.record_origin import describe_mismatch
from circuitviz.workbench.requests.messages import (
    ModelReady,
    ProgressReported,
    Reply,
    Request,
    report_progress,
)
from circuitviz.workbench.requests.open_document_model import (
    WITHOUT_CONSENT,
    consent_needed_for,
    run_with_consent,
)
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

N_FRACTION_CURVE_POINTS = 24


@dataclass(frozen=True)
class PromptSearchResult(Reply):
    """The circuit that answers a query; ``is_threshold_move``: only the threshold was changed."""

    scores: Scores
    circuit: Circuit
    origin: PromptOrigin
    is_threshold_move: bool = False

    def command(self) -> Command:
        """What puts it into the document."""
        target = self.origin.query.target or "the most likely logits"
        return replace_circuit(self.circuit, self.scores, self.origin, f"Trace {target}")

    def summary(self) -> str:
        """How much explains what, in a sentence."""
        target = self.origin.query.target or "the most likely logits"
        return f"{len(self.circuit.node_names):,} nodes and {self.circuit.n_edges:,} edges explain {target}"


@dataclass(frozen=True)
class DiscoverPromptCircuit(Request):
    """Answer a query, opening what it needs: model, dictionaries, prompt, target."""

    title = "Could not find a circuit"
    priority = Priority.SEARCH

    attribution_query: AttributionQuery
    device: str = "cpu"

    def check_input(self, engine: Engine) -> None:
        """InputError on a prompt or target that cannot be, as far as that is known without running it."""
        query = self.attribution_query
        if engine.model.name != query.model:
            return
        session = _matching_session(engine, query)
        if session is not None:
            session.check_target(query)
        else:
            check_query(engine.model, query)

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Ready where something was opened, then the circuit."""
        before = engine.prompt_session
        opened = yield from open_prompt_session(engine, self.attribution_query, self.device)
        if opened is not before:
            yield prompt_model_ready(engine, opened, opened.warnings)
        yield _make_result(
            (
                yield from report_progress(
                    "Finding a prompt circuit", opened.find_circuit(self.attribution_query)
                )
            )
        )


@dataclass(frozen=True)
class MoveThreshold(Request):
    """The same circuit at another threshold: a walk over rows that are there already. The latest wins."""

    title = "Could not set the threshold"
    priority = Priority.CHANGE_THRESHOLD

    attribution_query: AttributionQuery
    tau: float
    device: str = "cpu"

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One answer, marked as a move."""
        opened = yield from open_prompt_session(engine, self.attribution_query, self.device)
        yield _make_result(
            run_to_completion(opened.find_circuit(self.attribution_query.with_threshold(self.tau))),
            is_threshold_move=True,
        )


@dataclass(frozen=True)
class OpenPromptDocumentModel(Request):
    """Open what a document of features needs, so that its threshold can be moved and it can be measured."""

    title = "Could not open the model"
    priority = Priority.OPEN_MODEL
    invalidates_queue = True

    origin: PromptOrigin
    circuit: Circuit
    device: str = "cpu"
    consent: str = WITHOUT_CONSENT

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Ready, with a warning where weights or dictionaries differ from the document's; or Needed."""
        if (needed := consent_needed_for(engine, self.origin, self.consent)) is not None:
            yield needed
            return
        yield from run_with_consent(self._open_model(engine), self.consent)

    def _open_model(self, engine: Engine) -> Generator[Reply, None, None]:
        query = self.origin.query
        yield from engine.open_model(query.model, self.device, query.dtype)
        # a model of another shape is refused before dictionaries are read
        describe_mismatch(self.origin, engine.model, self.circuit)
        session = yield from open_prompt_session(engine, query, self.device)
        steps = open_prompt_steps(self.origin, engine.model, circuit=self.circuit, session=session)
        yield prompt_model_ready(engine, session, run_to_completion(steps).warnings)


@dataclass(frozen=True)
class FractionPoint:
    """What a threshold keeps: nodes, and the kept leaves' attribution over the target's value."""

    tau: float
    n_nodes: int
    fraction: float


@dataclass(frozen=True)
class ReadFractionCurve(Query):
    """The attribution fraction against the threshold, from the highest on."""

    title = "Could not compute the fraction curve"
    activity = "Computing the fraction curve"
    priority = Priority.READ_FRACTION_CURVE
    needs_task = False

    attribution_query: AttributionQuery
    device: str = "cpu"

    def compute_steps(self, engine: Engine) -> ProgressSteps[tuple[FractionPoint, ...]]:
        """Points as they come, highest threshold first."""
        opened = require_prompt_session(engine, self.attribution_query)
        yield Progress(0, 1, "", ())
        edges, target, high = opened.edges, opened.target, opened.max_attribution
        taus = [
            high * 0.98 * 10 ** (-3 * i / (N_FRACTION_CURVE_POINTS - 1))
            for i in range(N_FRACTION_CURVE_POINTS)
        ]
        steps = ProgressRunner(
            features.fraction_curve_steps(
                edges, target, taus, self.attribution_query.method, self.attribution_query.gate
            )
        )
        for step in steps:
            yield replace(step, partial=_fraction_points(step.partial))
        return _fraction_points(steps.result)


def open_prompt_session(
    engine: Engine, query: AttributionQuery, device: str
) -> Generator[Reply, None, PromptSession]:
    """Open a query's prompt on the worker, unless it is open, and aim at its target."""
    yield from engine.open_model(query.model, device, query.dtype)
    held = _matching_session(engine, query)
    if held is None:
        yield ProgressReported("Opening the prompt", 0.0, query.prompt[:40])
        found: Sequence[features.Dictionary] = ()
        if query.needs_dictionaries:
            found = yield from load_named_dictionaries(engine, query.dictionaries)
        held = open_prompt(engine.model, query, found)
        engine.prompt_session = held
    else:
        held.set_target(query)
    return held


def require_prompt_session(engine: Engine, query: AttributionQuery) -> PromptSession:
    """The prompt that is open, aimed where the query aims; InputError where another one is."""
    held = _matching_session(engine, query)
    if held is None:
        raise InputError("The prompt of this circuit is not open.")
    held.set_target(query)
    return held


def _matching_session(engine: Engine, query: AttributionQuery) -> PromptSession | None:
    """What is open, where it is the query's prompt."""
    held = engine.prompt_session
    return held if held is not None and held.query.run_key == query.run_key else None


def prompt_model_ready(engine: Engine, session: PromptSession, warnings: Sequence[str]) -> ModelReady:
    """What is open now, as for a task: one prompt, with the warnings of opening it."""
    asked = session.query
    return ModelReady(
        model=engine.model.name,
        device=engine.model.placement.text,
        asked_device=engine.device,
        task=PROMPT_TASK,
        metric=asked.metric,
        ablation=asked.ablation,
        prompts=(asked.prompt,),
        n_edges=engine.model.graph.n_edges,
        warning=" ".join(warnings),
        dtype=engine.model.dtype,
    )


def load_named_dictionaries(
    engine: Engine, folders: Sequence[str]
) -> Generator[Reply, None, Sequence[features.Dictionary]]:
    """Those that are open where they are meant, else read from their folders (none: the demo's own)."""
    held = engine.prompt_session
    if held is not None and held.query.needs_dictionaries and held.query.dictionaries == tuple(folders):
        return held.dictionaries
    shelf = engine.dictionary_store
    if shelf is not None and shelf.model is engine.model and shelf.folders == tuple(folders):
        return list(shelf.dictionaries.values())
    steps = features.load_dictionaries_steps(features.paths_or_shipped(folders, engine.model), engine.model)
    return (yield from report_progress("Opening dictionaries", steps))


def _fraction_points(found: Any) -> tuple[FractionPoint, ...]:
    return tuple(FractionPoint(one.tau, len(one.nodes), one.fraction) for one in found)


def _make_result(found: PromptCircuit, is_threshold_move: bool = False) -> PromptSearchResult:
    return PromptSearchResult(found.scores, found.circuit, found.origin, is_threshold_move)
