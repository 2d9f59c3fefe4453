"""The numbers of MIB's circuit localisation track: CPR and CMD over its ten sizes.

CPR is the area under the faithfulness of circuits of 0.1 to 100 % of the edges, CMD the area between it and 1
[mib2025]. MIB's own table takes CPR from circuits of the largest signed scores (``signed``) and CMD from
those of the largest |score| (``top``); ``MibRow.select`` says which circuits a row is of.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from circuitviz.discovery import (
    TaskPass,
    TaskSetting,
    discover_steps,
    estimate_search_steps,
    make_setting,
    methods,
)
from circuitviz.document.sample import HELD_OUT, IN_SAMPLE, UNKNOWN_SAMPLE
from circuitviz.errors import InputError
from circuitviz.evaluation.curve import (
    EDGE_SHARES,
    CurvePoint,
    curve_areas,
    measure_circuits_steps,
    measure_curve_steps,
    mib_edge_counts,
)
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.measure_cost import FORWARDS_PER_EVALUATION
from circuitviz.evaluation.prompt_splits import split_prompts
from circuitviz.evaluation.random_circuits import RANDOM_METHOD, draw_random_scores
from circuitviz.evaluation.registry import MeasureInput, measures
from circuitviz.graph import Circuit, Interval, Scores
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps
from circuitviz.tasks import Task, load_task

MIB_SELECTIONS = ("top", "signed", "greedy")
OWN_ROW = "this circuit's scores"
AREA_NAMES = ("cpr", "cmd", "cpr_clipped")


@dataclass(frozen=True)
class MibRow:
    """One method (or submission) on one task and model.

    Attributes:
        method: Name of the method or of the submission.
        task: Name of the task.
        model: Name of the model.
        select: The rule by which edges were chosen at each size; empty for submitted circuits.
        sample: ``held-out`` where no prompt of the evaluation was used by the search, ``in-sample`` where one
            was, ``unknown sample`` of a submission.
        prompts: Number of prompts that were evaluated.
        areas: ``cpr``, ``cmd`` and ``cpr_clipped``.
        points: One for each of MIB's sizes.
        seconds: Duration of the search; 0 for a submission.
        error: Why the method cannot be used here; empty where it can.
    """

    method: str
    task: str
    model: str
    select: str = ""
    sample: str = HELD_OUT
    prompts: int = 0
    areas: dict[str, Interval] = field(default_factory=dict)
    points: list[CurvePoint] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the row as files and the command line hold it."""
        names = ("method", "task", "model", "select", "sample", "prompts", "seconds", "error")
        return {
            **{name: getattr(self, name) for name in names},
            **{name: asdict(interval) for name, interval in self.areas.items()},
            "points": [
                {"share": share, **point.as_dict(), "weighted_edges": point.weighted_edges}
                for share, point in zip(EDGE_SHARES, self.points, strict=False)
            ],
        }


def mib_scores_steps(
    bench: FaithfulnessBench, name: str, scores: Scores, select: str = "top", searched: Task | None = None
) -> ProgressSteps[MibRow]:
    """Measure circuits of MIB's sizes that are chosen from scores.

    Scores of another graph than the model's, by span or of features, get a row that says so.

    Args:
        bench: The bench, on the prompts of the evaluation.
        name: Name of the method or submission.
        scores: The scores of all edges.
        select: One of ``MIB_SELECTIONS``.
        searched: The prompts that the scores were found on; None where nobody knows.
    """
    if not scores.graph.same_as(bench.setting.model.graph):
        scored = "features" if scores.graph.spans is None else "edges by span"
        reason = f"These are scores of {scored}; MIB's sizes are shares of the edges between components."
        return _row(bench, searched, name, select=select, error=reason)
    points = yield from measure_curve_steps(bench, scores, select)
    if len(points) < len(EDGE_SHARES):
        reason = f"Only {scores.n_examined:,} edges were scored, so the curve does not reach the whole model."
        return _row(bench, searched, name, select=select, points=points, error=reason)
    areas = curve_areas(points, seed=bench.setting.task.seed)
    return _row(bench, searched, name, select=select, points=points, areas=areas)


def mib_submission_steps(
    bench: FaithfulnessBench, name: str, circuits: Sequence[Circuit]
) -> ProgressSteps[MibRow]:
    """Measure submitted circuits; at 100 % the model itself.

    Of nine circuits, the smallest belongs to the smallest of MIB's sizes, and so on. Of another number, and
    where one of the nine has more edges than its size allows, the largest that has no more is measured.

    Args:
        bench: The bench, on the prompts of the evaluation.
        name: Name of the submission.
        circuits: The circuits, in any order.
    """
    graph = bench.setting.model.graph
    counts = mib_edge_counts(graph.n_edges)
    by_size = sorted(circuits, key=lambda circuit: circuit.n_edges)
    is_complete = len(by_size) == len(counts) - 1

    def choose(place: int) -> Circuit:
        if place == len(counts) - 1:
            return Circuit.full(graph)
        if is_complete and by_size[place].n_edges <= counts[place]:
            return by_size[place]
        fitting = [circuit for circuit in by_size if circuit.n_edges <= counts[place]]
        return fitting[-1] if fitting else Circuit.empty(graph)

    points = yield from measure_circuits_steps(bench, counts, choose)
    return _row(bench, None, name, points=points, areas=curve_areas(points, seed=bench.setting.task.seed))


def mib_method_steps(
    search: TaskSetting, bench: FaithfulnessBench, method: str, select: str = "top", **options: Any
) -> ProgressSteps[tuple[MibRow, Scores | None]]:
    """Search with a method and measure the circuits of its scores at MIB's sizes.

    Args:
        search: The setting of the search.
        bench: The bench on the prompts of the evaluation.
        method: Name of the method.
        select: One of ``MIB_SELECTIONS``.
        **options: Options of the method.

    Returns:
        A generator whose result is the row and the scores; where the method does not suit the setting, the
        reason is in the row, and None stands for the scores.
    """
    start_s = time.perf_counter()
    try:
        runner = ProgressRunner(
            discover_steps(search.model, search.task, method, search.metric, search.ablation, **options)
        )
        for step in runner:
            yield Progress(step.fraction, 2, f"{method}: {step.message}")
    except InputError as error:
        return _row(bench, search.task, method, error=str(error)), None
    scores, seconds = runner.result, time.perf_counter() - start_s
    curve = ProgressRunner(mib_scores_steps(bench, method, scores, select, search.task))
    for step in curve:
        yield Progress(1 + step.fraction, 2, f"{method}: {step.message}")
    return replace(curve.result, seconds=seconds), scores


def mib_random_steps(
    bench: FaithfulnessBench, number: int, select: str = "top", seed: int = 0
) -> ProgressSteps[MibRow]:
    """Measure random rankings: of each area the median, and the range between its 2.5 % and 97.5 % quantiles.

    Args:
        bench: The bench.
        number: The number of rankings.
        select: One of ``MIB_SELECTIONS``.
        seed: Seed of the draws.
    """
    found: list[dict[str, Interval]] = []
    points: list[CurvePoint] = []
    for done, scores in enumerate(draw_random_scores(bench.setting.model.graph, number, seed)):
        runner = ProgressRunner(mib_scores_steps(bench, RANDOM_METHOD, scores, select))
        for step in runner:
            yield Progress(done + step.fraction, number, f"{RANDOM_METHOD} {done + 1}: {step.message}")
        points = runner.result.points
        found.append(runner.result.areas)
    areas = {}
    for name in AREA_NAMES:
        values = [value for one in found if (value := one[name].value) is not None]
        quantiles = np.quantile(values, (0.5, 0.025, 0.975)) if values else (None, None, None)
        areas[name] = Interval(*(None if value is None else float(value) for value in quantiles))
    return _row(bench, None, RANDOM_METHOD, sample=HELD_OUT, select=select, points=points, areas=areas)


@dataclass(frozen=True)
class MibCost:
    """How long a row will take.

    Attributes:
        method: Name of the method; ``random`` of the random rankings.
        task: Name of the task.
        model: Name of the model.
        seconds: Of search and curve; None where the method does not say, or cannot be used.
        memory_bytes: Of the process at its peak; 0 where that is not known.
        is_upper_bound: Whether it may end sooner.
        error: Why the method cannot be used here; empty where it can.
    """

    method: str
    task: str
    model: str
    seconds: float | None = None
    memory_bytes: float = 0.0
    is_upper_bound: bool = False
    error: str = ""


def estimate_mib_steps(
    search: TaskSetting, evaluated: TaskSetting, names: Sequence[str], n_random: int
) -> ProgressSteps[list[MibCost]]:
    """Estimate how long the rows of one task will take.

    Args:
        search: The setting of the searches.
        evaluated: The setting of the evaluation.
        names: Names of the methods.
        n_random: The number of random rankings.

    Returns:
        A generator whose result is a cost for each method, and one for the random rankings, if there are any.
    """
    forward, task_pass = (yield from TaskPass().measure_steps(evaluated)), TaskPass()
    curve_s = forward * FORWARDS_PER_EVALUATION * len(EDGE_SHARES)
    where, costs = (evaluated.task.name, evaluated.model.name), list[MibCost]()
    for name in names:
        row = MibCost(name, *where)
        try:
            cost = yield from estimate_search_steps(search, name, task_pass)
        except InputError as error:
            row = replace(row, error=str(error))
        else:
            if cost is not None:
                row = replace(
                    row,
                    seconds=cost.seconds + curve_s,
                    memory_bytes=cost.memory_bytes,
                    is_upper_bound=cost.is_upper_bound,
                )
        costs.append(row)
    if n_random:
        costs.append(MibCost(RANDOM_METHOD, *where, seconds=n_random * curve_s))
    return costs


@dataclass(frozen=True)
class MibOptions:
    """Which methods and tasks are measured."""

    methods: str = option("eap, eap-ig", "names of methods, with commas between them, or all")
    tasks: str = option("", "names or files of tasks, with commas between them; empty: the circuit's own")
    select: str = option("top", "how edges are chosen at each size", choices=MIB_SELECTIONS)
    prompts: int = option(32, "prompts of the evaluation, and as many of the search", low=1, high=10_000)
    random: int = option(5, "random rankings", low=0, high=1000)
    seed: int = option(0, "seed of the tasks and draws", low=0)


@dataclass(frozen=True)
class MibTable:
    """Rows for each task and method."""

    rows: list[MibRow] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the rows as files and the command line hold them."""
        return {"rows": [row.as_dict() for row in self.rows]}


def require_mib_methods(measure_input: MeasureInput, options: MibOptions) -> list[str]:
    """The methods that options name; InputError where there is no such method."""
    names = methods.names() if options.methods.strip() == "all" else _split_names(options.methods)
    for name in names:
        methods.get(name)
    return names


@measures.register(
    "mib",
    summary="CPR and CMD of methods on tasks of the open model, as the benchmark MIB computes them",
    reference="Mueller et al. 2025 (MIB)",
    options=MibOptions,
    check=require_mib_methods,
)
def measure_mib(measure_input: MeasureInput, options: MibOptions) -> ProgressSteps[MibTable]:
    """Measure methods, and the circuit's own scores, at MIB's sizes; searches are judged on other prompts.

    Source: [mib2025].
    """
    names, setting = require_mib_methods(measure_input, options), measure_input.bench.setting
    tasks = _split_names(options.tasks) or [""]
    table, n_done = MibTable(), 0
    n_steps = len(tasks) * (len(names) + bool(options.random)) + (measure_input.scores is not None)
    for task_name in tasks:
        task = setting.task
        if task_name:
            task = load_task(task_name, setting.model, 2 * options.prompts, options.seed)
        task = task.subset(range(min(len(task), 2 * options.prompts)))
        metric = setting.metric if task_name in ("", setting.task.name) else None
        searched, evaluated = (
            make_setting(setting.model, part, metric, setting.ablation) for part in split_prompts(task)
        )
        bench = FaithfulnessBench(evaluated)
        steps: list[ProgressSteps[Any]] = [
            mib_method_steps(searched, bench, name, options.select) for name in names
        ]
        if measure_input.scores is not None and not task_name:
            own = mib_scores_steps(bench, OWN_ROW, measure_input.scores, options.select, setting.task)
            steps.insert(0, own)
        if options.random:
            steps.append(mib_random_steps(bench, options.random, options.select, options.seed))
        for each in steps:
            runner = ProgressRunner(each)
            for step in runner:
                yield Progress(n_done + step.fraction, n_steps, step.message)
            row = runner.result if isinstance(runner.result, MibRow) else runner.result[0]
            table, n_done = MibTable([*table.rows, row]), n_done + 1
            yield Progress(n_done, n_steps, row.method, table)
    return table


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _row(bench: FaithfulnessBench, searched: Task | None, method: str, **values: Any) -> MibRow:
    setting = bench.setting
    sample = UNKNOWN_SAMPLE
    if searched is not None:
        sample = HELD_OUT if set(searched.pairs).isdisjoint(setting.task.pairs) else IN_SAMPLE
    names = {"task": setting.task.name, "model": setting.model.name, "prompts": len(setting.task)}
    return MibRow(method, **{"sample": sample, **names, **values})
