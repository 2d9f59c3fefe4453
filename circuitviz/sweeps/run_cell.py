"""Compute cells: open the model, search, judge. What consecutive cells share is opened once."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.discovery import TaskSetting, default_selection, discover_steps, make_setting
from circuitviz.document.sample import HELD_OUT, IN_SAMPLE
from circuitviz.errors import ComputationError, InputError, first_error_line
from circuitviz.evaluation import (
    EDGE_SHARES,
    CurvePoint,
    FaithfulnessBench,
    curve_areas,
    make_bench,
    measure_curve_steps,
)
from circuitviz.evaluation.random_circuits import draw_random_scores
from circuitviz.graph import Interval
from circuitviz.models import Model, load_model_steps, local_folder
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps
from circuitviz.sweeps.cell import RANDOM_METHOD, SweepCell
from circuitviz.sweeps.cell_result import CellResult
from circuitviz.sweeps.file_digests import digest_file, digest_model_folder
from circuitviz.sweeps.plan import AUTO_SELECT
from circuitviz.tasks import find_prompt_set, load_task
from circuitviz.versions import describe_machine
from circuitviz.workbench import describe_versions

QUANTILES = (0.025, 0.5, 0.975)  # of random rankings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _OpenTask:
    """The two settings of a cell's task, and the bench of the model's own graph."""

    key: tuple[object, ...]
    search: TaskSetting
    bench: FaithfulnessBench
    sample: str


class CellRunner:
    """Computes cells one after another; the model and the task that were used last stay open.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._model_key: tuple[str, str] | None = None
        self._model: Model | None = None
        self._open_task: _OpenTask | None = None

    def run_steps(self, cell: SweepCell) -> ProgressSteps[CellResult]:
        """Compute a cell, as a generator of progress.

        Whatever goes wrong stands in the result; only an interruption ends the computation. A model that
        cannot be opened has failed, because it may be there another time; a task or method that does not suit
        is refused.

        Args:
            cell: The cell.
        """
        try:
            model = yield from self._open_model_steps(cell)
        except Exception as error:  # a sweep goes on with its other cells
            logger.info("could not open %s", cell.model, exc_info=True)
            return CellResult.of_failure(cell, _reason(error))
        result = CellResult(
            cell.digest,
            cell.as_dict(),
            n_edges=model.graph.n_edges,
            weight_hash=model.weight_hash,
            machine=describe_machine(str(model.device)),
            versions=describe_versions(),
        )
        try:
            result = yield from self._measure_steps(cell, model, result)
        except InputError as error:
            result = replace(result, status="refused", reason=str(error))
        except Exception as error:  # likewise
            logger.info("could not compute %s", cell.text, exc_info=True)
            result = replace(result, status="failed", reason=_reason(error))
        return result.finished_now()

    def _open_model_steps(self, cell: SweepCell) -> ProgressSteps[Model]:
        key = cell.model, cell.dtype
        if self._model is None or self._model_key != key:
            _check_model_files(cell)
            self._model = self._open_task = self._model_key = None  # before the next one needs the memory
            yield Progress(0, 1, f"opening {cell.model_label}")
            self._model = yield from load_model_steps(cell.model, self._device, cell.dtype)
            self._model_key = key
        return self._model

    def _find_task(self, cell: SweepCell, model: Model) -> _OpenTask:
        key = (
            *(cell.model, cell.dtype, cell.task, cell.seed, cell.ablation, cell.metric),
            *(cell.prompts, cell.search_prompts),
        )
        if self._open_task is None or self._open_task.key != key:
            self._open_task = None
            _check_task_file(cell)
            n_prompts = cell.search_prompts + cell.prompts
            task = load_task(cell.task.name, model, n_prompts, cell.seed, **dict(cell.task.options))
            if len(task) <= cell.search_prompts:
                raise InputError(
                    f"The task '{cell.task.label}' has {len(task)} prompts, and the search alone was to have "
                    f"{cell.search_prompts}; fewer search_prompts would be right."
                )
            searched, judged = task, task
            if cell.search_prompts:
                searched = task.split_off(range(cell.search_prompts))
                judged = task.split_off(range(cell.search_prompts, len(task)))
            search, evaluated = (
                make_setting(model, part, cell.metric or None, cell.ablation) for part in (searched, judged)
            )
            is_apart = set(searched.pairs).isdisjoint(judged.pairs)
            sample = HELD_OUT if is_apart else IN_SAMPLE
            self._open_task = _OpenTask(key, search, FaithfulnessBench(evaluated), sample)
        return self._open_task

    def _measure_steps(self, cell: SweepCell, model: Model, result: CellResult) -> ProgressSteps[CellResult]:
        """Search and judge; InputError where the method does not suit."""
        opened = self._find_task(cell, model)
        select = _selection(cell)
        result = replace(result, sample=opened.sample, metric=opened.search.metric, select=select)
        if cell.method.name == RANDOM_METHOD:
            return (yield from _measure_random_steps(cell, opened, select, result))
        begun_s, processor_s = time.perf_counter(), time.process_time()
        searching = ProgressRunner(
            discover_steps(
                model,
                opened.search.task,
                cell.method.name,
                opened.search.metric,
                cell.ablation,
                **dict(cell.method.options),
            )
        )
        for step in searching:
            yield Progress(step.fraction, 2, f"{cell.text}: {step.message}")
        scores = searching.result
        result = replace(
            result,
            search_s=time.perf_counter() - begun_s,
            search_processor_s=time.process_time() - processor_s,
        )
        begun_s = time.perf_counter()
        bench = opened.bench
        if not scores.graph.same_as(model.graph):
            bench = make_bench(bench.setting, scores.graph, scores.options)
        counts = _edge_counts(cell.sizes, scores.graph.n_edges)
        if select == "own":  # one circuit, whatever the sizes
            counts = [scores.n_examined]
        judging = ProgressRunner(measure_curve_steps(bench, scores, select, counts))
        for step in judging:
            yield Progress(1 + step.fraction, 2, f"{cell.text}: {step.message}")
        points = judging.result
        areas = {}
        if cell.sizes == EDGE_SHARES and len(points) == len(EDGE_SHARES):
            areas = curve_areas(points, seed=bench.setting.task.seed)
        return replace(
            result,
            points=[_point_row(select, cell, place, point) for place, point in enumerate(points)],
            areas={name: asdict(area) for name, area in areas.items()},
            judge_s=time.perf_counter() - begun_s,
        )


def _check_model_files(cell: SweepCell) -> None:
    """ComputationError where the model's files are others than when the plan was read, perhaps elsewhere."""
    meant, folder = dict(cell.files).get("model"), local_folder(cell.model)
    if meant is not None and (folder is None or digest_model_folder(folder) != meant):
        raise ComputationError(_other_files("model", cell.model))


def _check_task_file(cell: SweepCell) -> None:
    """The same for the task's file."""
    meant, path = dict(cell.files).get("task"), Path(cell.task.name)
    if meant is None:
        return
    found = path if path.is_file() else find_prompt_set(cell.task.name)
    if found is None or digest_file(found) != meant:
        raise ComputationError(_other_files("task", cell.task.name))


def _other_files(what: str, name: str) -> str:
    return (
        f"The files of the {what} '{name}' on {platform.node()} are others than those that the plan was read "
        "with, or are missing; the same files by the same path would be right."
    )


def _measure_random_steps(
    cell: SweepCell, opened: _OpenTask, select: str, result: CellResult
) -> ProgressSteps[CellResult]:
    """Judge drawn rankings: of each size and area the median, with the range of 95 % of the draws."""
    given, begun_s = dict(cell.method.options), time.perf_counter()
    number, graph = int(given["circuits"]), opened.bench.setting.graph
    counts = _edge_counts(cell.sizes, graph.n_edges)
    curves: list[list[CurvePoint]] = []
    for done, scores in enumerate(draw_random_scores(graph, number, int(given["seed"]))):
        judging = ProgressRunner(measure_curve_steps(opened.bench, scores, select, counts))
        for step in judging:
            yield Progress(done + step.fraction, number, f"{cell.text}: ranking {done + 1}")
        curves.append(judging.result)
    points = [
        replace(
            at_size[0],
            edges=round(float(np.mean([point.edges for point in at_size]))),
            weighted_edges=float(np.mean([point.weighted_edges for point in at_size])),
            faithfulness=_range_of_draws([point.faithfulness.value for point in at_size]),
        )
        for at_size in zip(*curves, strict=True)
    ]
    areas = {}
    if cell.sizes == EDGE_SHARES:
        found = [curve_areas(curve, seed=opened.bench.setting.task.seed) for curve in curves]
        areas = {name: asdict(_range_of_draws([one[name].value for one in found])) for name in found[0]}
    return replace(
        result,
        sample=HELD_OUT,
        points=[_point_row(select, cell, place, point) for place, point in enumerate(points)],
        areas=areas,
        judge_s=time.perf_counter() - begun_s,
    )


def _range_of_draws(values: Sequence[float | None]) -> Interval:
    known = [value for value in values if value is not None]
    if not known:
        return Interval(None)
    low, median, high = (float(value) for value in np.quantile(known, QUANTILES))
    return Interval(median, low, high)


def _selection(cell: SweepCell) -> str:
    if cell.select != AUTO_SELECT:
        return cell.select
    return "greedy" if cell.method.name == RANDOM_METHOD else default_selection(cell.method.name)


def _edge_counts(sizes: Sequence[float], n_edges: int) -> list[int]:
    """Numbers of edges: of a share rounded down, as MIB does."""
    return [min(n_edges, int(size * n_edges if size <= 1 else size)) for size in sizes]


def _point_row(select: str, cell: SweepCell, place: int, point: CurvePoint) -> dict[str, Any]:
    row = {"size": cell.sizes[place], **point.as_dict(), "weighted_edges": point.weighted_edges}
    return row | {"size": None, "asked": point.edges} if select == "own" else row


def _reason(error: Exception) -> str:
    if isinstance(error, InputError | ComputationError):
        return str(error)
    return f"{type(error).__name__}: {first_error_line(error)}"
