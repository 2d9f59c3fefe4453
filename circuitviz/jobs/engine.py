"""What the worker does with a request: the engine's generators, joined to what the window shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from circuitviz.errors import InputError
from circuitviz.jobs.messages import (
    Adopt,
    Catalog,
    Choices,
    Curve,
    Find,
    Found,
    Measure,
    Measured,
    Moved,
    Points,
    Read,
    Reading,
    Ready,
    Reply,
    Request,
)

if TYPE_CHECKING:
    from circuitviz.evaluation import CurvePoint

SMALL = 8  # prompts of the quick exact value


class Engine:
    """Owns the model, the task and the benches that circuits are measured on. Free of Qt.

    Torch is imported by the first request, not by the window.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.task: Any = None
        self._device = ""
        self._task_name = ""
        self._benches: dict[bool, Any] = {}
        self._where: tuple[str, str] = ("", "")

    def answer(self, request: Request) -> Iterator[Reply]:
        """Replies to a request, one after another; not asking for the next one cancels."""
        match request:
            case Catalog():
                yield self._catalog()
            case Find():
                yield from self._find(request)
            case Adopt():
                yield from self._adopt(request)
            case Measure():
                yield from self._measure(request)
            case Curve():
                yield from self._curve(request)
            case Read():
                from circuitviz.lens import read_node

                self._need()
                yield Reading(read_node(self.model, self.task, request.node, request.prompt))

    @staticmethod
    def _catalog() -> Choices:
        from circuitviz.discovery import ABLATIONS, methods
        from circuitviz.metrics import metrics
        from circuitviz.options import describe
        from circuitviz.tasks import tasks

        known = {e.name: (e.summary, describe(e.options)) for e in methods.entries()}
        broken = {**tasks.broken, **methods.broken, **metrics.broken}
        return Choices(
            tuple(tasks.names()), known, tuple(metrics.names()), tuple(ABLATIONS), broken
        )

    def _need(self) -> None:
        if self.model is None or self.task is None:
            raise InputError("No model is open yet; find a circuit first, or open its file.")

    def _load(self, name: str, device: str) -> Iterator[Reply]:
        if self.model is not None and (self.model.name, self._device) == (name, device):
            return
        yield Moved("Loading the model", 0.0, name)
        from circuitviz.models import load_model

        self.model, self._device = load_model(name, device), device
        self.task = None

    def _set(self, task: Any, metric: str | None, ablation: str) -> None:
        from circuitviz.discovery import setting
        from circuitviz.evaluation import Bench

        where = setting(self.model, task, metric, ablation)
        few = setting(self.model, task.subset(range(min(SMALL, len(task)))), where.metric, ablation)
        self.task, self._where = task, (where.metric, ablation)
        self._benches = {True: Bench(few), False: Bench(where)}

    def _ready(self, warning: str = "") -> Ready:
        return Ready(
            self.model.name,
            str(self.model.device),
            self.task.name,
            *self._where,
            tuple(pair.clean for pair in self.task.pairs),
            self.model.graph.n_edges,
            warning,
        )

    def _find(self, request: Find) -> Iterator[Reply]:
        yield from self._load(request.model, request.device)
        from circuitviz.discovery import discover_steps
        from circuitviz.session.origin import provenance_of
        from circuitviz.tasks import Pair, Task, load_task

        if request.pair is not None:
            clean, corrupted, right, wrong = request.pair
            pair = Pair(clean, corrupted, _answers(right), _answers(wrong))
            task = Task.from_pairs("typed pair", [pair], self.model.tokens)
        else:
            task = load_task(request.task, self.model, request.prompts, request.seed)
        self._set(task, request.metric or None, request.ablation)
        metric, ablation = self._where
        yield self._ready()
        began = time.perf_counter()
        edges = min(request.edges, self.model.graph.n_edges)

        def found(scores: Any, cancelled: bool = False) -> Found:
            origin = None
            if not scores.partial or cancelled:
                seconds = time.perf_counter() - began
                origin = provenance_of(
                    self.model, task, scores, metric, ablation, request.select, edges, seconds,
                    None if request.pair else request.task,
                )
            circuit = scores.select(request.select, edges)
            return Found(scores, circuit, origin, scores.partial, cancelled)

        steps = discover_steps(
            self.model, task, request.method, metric, ablation, **request.options
        )
        last = None
        try:
            while True:
                step = next(steps)
                share = step.done / step.total if step.total else 0.0
                passed = time.perf_counter() - began
                left = passed / share - passed if share > 0.02 else None
                yield Moved(f"Finding a circuit with {request.method}", share, step.message, left)
                if step.partial is not None:
                    last = replace(step.partial, method=request.method)  # type: ignore[type-var]
                    yield found(last)
        except StopIteration as end:
            yield found(end.value)
        except GeneratorExit:
            self.kept = None if last is None else found(last, cancelled=True)
            raise

    kept: Found | None = None

    def _adopt(self, request: Adopt) -> Iterator[Reply]:
        where = request.provenance
        yield from self._load(where.model, request.device)
        from circuitviz.session.origin import mismatch, task_of

        message = mismatch(where, self.model, request.circuit)
        if request.circuit.graph.shape != self.model.shape:
            raise InputError(message)
        task = task_of(where, self.model)
        if task.hash != where.task_hash and not message:
            message = "The prompts tokenise otherwise than when this circuit was found."
        self._set(task, where.metric, where.ablation)
        yield self._ready(message)

    def _measure(self, request: Measure) -> Iterator[Reply]:
        self._need()
        for small in (True, False):
            tier = "small" if small else "exact"
            if small and len(self.task) <= SMALL:
                continue
            steps = self._benches[small].evaluate(request.circuit)
            try:
                while True:
                    step = next(steps)
                    yield Moved("Measuring faithfulness", step.done / step.total, step.message)
            except StopIteration as end:
                yield Measured(request.key, tier, end.value.as_dict())

    def _curve(self, request: Curve) -> Iterator[Reply]:
        self._need()
        from circuitviz.evaluation import curve_steps

        steps = curve_steps(self._benches[False], request.scores, request.select)
        try:
            while True:
                step = next(steps)
                yield Moved("Drawing the curve", step.done / step.total, step.message)
                if isinstance(step.partial, list):
                    yield Points(_points(step.partial), False)
        except StopIteration as end:
            yield Points(_points(end.value), True)


def _points(points: list[CurvePoint]) -> tuple[dict[str, Any], ...]:
    return tuple(point.as_dict() for point in points)


def _answers(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("|") if part)
