"""Cells give the numbers of the slow path, and no work that is done is done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Case
from filelock import FileLock
from slow_faithfulness import Slow

from circuitviz.discovery import discover
from circuitviz.errors import InputError
from circuitviz.evaluation.random_circuits import draw_random_scores
from circuitviz.models import load_model
from circuitviz.progress import Progress, run_to_completion
from circuitviz.resources import resource_path
from circuitviz.sweeps import (
    CellResult,
    CellRunner,
    SweepCell,
    SweepFolder,
    SweepPlan,
    parse_plan,
    run_cells_here,
    run_sweep_steps,
)
from circuitviz.tasks import load_task

SMALL = {"prompts": 3, "search_prompts": 4, "sizes": [0.02, 40]}


def plan_of(**keys: Any) -> SweepPlan:
    return parse_plan({**SMALL, **keys}, "p", Path("."))


def run_cell(cell: SweepCell) -> CellResult:
    return run_to_completion(CellRunner().run_steps(cell))


class Counted:
    """Computes cells here and remembers which, in which order."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.cells: list[SweepCell] = []
        self._stop_after = stop_after

    def __call__(self, cells: Sequence[SweepCell]) -> Iterator[Any]:
        for event in run_cells_here(cells):
            if not isinstance(event, Progress):
                if len(self.cells) == self._stop_after:
                    raise KeyboardInterrupt
                self.cells.append(event[0])
            yield event


def test_a_cell_is_judged_on_other_prompts_as_the_slow_path_judges_it(demo: Case) -> None:
    (cell,) = plan_of(methods=["eap"]).cells
    result = run_cell(cell)
    task = load_task("ioi", demo.model, 7, 0)
    judged = task.split_off(range(4, 7))
    scores = discover(demo.model, task.split_off(range(4)), "eap")
    slow = Slow(Case("demo", demo.model, demo.slow, judged))
    counts = [int(0.02 * scores.graph.n_edges), 40]
    assert [point["asked"] for point in result.points] == counts
    for point, count in zip(result.points, counts, strict=True):
        circuit = scores.select("greedy", count)
        assert point["edges"] == circuit.n_edges
        assert point["value"] == pytest.approx(slow.faithfulness(circuit.edges), abs=1e-4)
    assert (result.status, result.sample, result.metric, result.areas) == (
        "done",
        "held-out",
        "logit-diff",
        {},
    )
    assert result.n_edges == demo.model.graph.n_edges and result.weight_hash == demo.model.weight_hash


def test_without_search_prompts_numbers_are_in_sample(demo: Case) -> None:
    (cell,) = plan_of(methods=["eap"], search_prompts=0).cells
    result = run_cell(cell)
    task = load_task("ioi", demo.model, 3, 0)
    circuit = discover(demo.model, task, "eap").select("greedy", 40)
    slow = Slow(Case("demo", demo.model, demo.slow, task))
    assert result.sample == "in-sample"
    assert result.points[1]["value"] == pytest.approx(slow.faithfulness(circuit.edges), abs=1e-4)


def test_random_rankings_are_a_median_and_a_range(demo: Case) -> None:
    (cell,) = plan_of(methods=[{"name": "random", "circuits": 3, "seed": 5}], sizes=[0.3]).cells
    (point,) = run_cell(cell).points
    judged = load_task("ioi", demo.model, 7, 0).split_off(range(4, 7))
    slow, graph = Slow(Case("demo", demo.model, demo.slow, judged)), demo.model.graph
    drawn = [scores.select("greedy", int(0.3 * graph.n_edges)) for scores in draw_random_scores(graph, 3, 5)]
    values = [slow.faithfulness(circuit.edges) for circuit in drawn]
    low, median, high = np.quantile(values, (0.025, 0.5, 0.975))
    assert [point[key] for key in ("value", "low", "high")] == pytest.approx([median, low, high], abs=1e-4)


def test_areas_are_there_at_the_sizes_of_mib_alone() -> None:
    keys = {key: value for key, value in SMALL.items() if key != "sizes"}
    for cell in parse_plan({**keys, "methods": ["eap", "acdc"]}, "p", Path(".")).cells:
        result = run_cell(cell)
        is_curve = cell.method.name == "eap"  # ACDC has one circuit, whatever the size
        assert set(result.areas) == ({"cpr", "cmd", "cpr_clipped"} if is_curve else set())
        assert len(result.points) == (10 if is_curve else 1)
        if not is_curve:
            (point,) = result.points
            assert point["size"] is None and point["asked"] == point["edges"] and result.select == "own"


def test_an_interrupted_sweep_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    plan, folder = plan_of(methods=["eap", "gim"], seeds=[0, 1]), SweepFolder(tmp_path)
    first = Counted(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        run_to_completion(run_sweep_steps(plan, folder, first))
    second = Counted()
    summaries: list[Any] = []
    summary = run_to_completion(
        run_sweep_steps(plan, folder, second), lambda step: summaries.append(step.partial)
    )
    assert [*first.cells, *second.cells] == list(plan.cells) and len(second.cells) == 2
    assert (summary.done, summary.missing, summary.computed) == (4, 0, 2)
    assert [(s.done, s.missing) for s in summaries if s] == [(3, 1), (4, 0)]
    third = Counted()
    assert run_to_completion(run_sweep_steps(plan, folder, third)).computed == 0 == len(third.cells)
    more = plan_of(methods=["eap", "gim", "relp"], seeds=[0, 1])
    run_to_completion(run_sweep_steps(more, folder, third))
    assert {cell.method.name for cell in third.cells} == {"relp"}
    assert [result.digest for _, result in folder.read_finished(more)] == [cell.digest for cell in more.cells]


def test_a_file_that_cannot_be_read_is_said_and_computed_again(tmp_path: Path) -> None:
    plan, folder = plan_of(methods=["eap", "gim", "relp"]), SweepFolder(tmp_path)
    run_to_completion(run_sweep_steps(plan, folder))
    paths = [folder.cell_path(cell) for cell in plan.cells]
    paths[0].write_text("{")
    paths[1].write_text(json.dumps({"cell": {}, "status": "done", "points": 3}))
    paths[2].write_bytes(paths[2].read_bytes().replace(plan.cells[2].digest.encode(), b"0" * 24))
    again, fresh = Counted(), SweepFolder(tmp_path)
    run_to_completion(run_sweep_steps(plan, fresh, again))
    assert again.cells == list(plan.cells) and set(fresh.unreadable) == {path.name for path in paths}
    assert not SweepFolder(tmp_path).unreadable and len(SweepFolder(tmp_path).read_finished(plan)) == 3


def test_what_does_not_suit_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    """A method that cannot score this task is refused for good; a model that is not there may come."""
    plan = plan_of(
        grid=[
            {"methods": ["relp", "eap"], "ablations": ["mean"], "tasks": ["ioi", "reverse"]},
            {"models": ["no-such/model"]},
        ]
    )
    folder, first, second = SweepFolder(tmp_path), Counted(), Counted()
    summary = run_to_completion(run_sweep_steps(plan, folder, first))
    by_cell = {
        (cell.model, cell.task.name, cell.method.name): result for cell, result in folder.read_finished(plan)
    }
    assert by_cell["demo", "ioi", "eap"].status == "done"
    assert {by_cell["demo", "reverse", name].status for name in ("relp", "eap")} == {"refused"}
    missing = by_cell["no-such/model", "ioi", "eap-ig"]
    assert missing.status == "failed" and "no-such/model" in missing.reason
    assert summary.total == len(plan.cells) == 5 and summary.failed == 1 and summary.refused >= 2
    run_to_completion(run_sweep_steps(plan, folder, second))
    assert [cell.model for cell in second.cells] == ["no-such/model"]
    third = Counted()
    run_to_completion(run_sweep_steps(plan, folder, third, retry_refused=True))
    assert len(third.cells) == 1 + summary.refused


def test_two_processes_do_not_run_one_sweep(tmp_path: Path) -> None:
    plan, folder = plan_of(methods=["eap"]), SweepFolder(tmp_path)
    with FileLock(tmp_path / ".lock"), pytest.raises(InputError, match="Another process runs a sweep in"):
        run_to_completion(run_sweep_steps(plan, folder))
    assert run_to_completion(run_sweep_steps(plan, folder)).done == 1


def test_files_that_changed_since_the_plan_was_read_are_said_and_tried_again(tmp_path: Path) -> None:
    """As on a worker with another copy; what they would give belongs to another cell."""
    model, rows = tmp_path / "model", tmp_path / "own.csv"
    shutil.copytree(str(resource_path("demo", "model")), model)
    task = load_task("ioi", load_model("demo"), 6, 0)
    lines = [f'"{p.clean}","{p.corrupted}",{p.correct[0]},{p.incorrect[0]}' for p in task.pairs]
    rows.write_text("\n".join(["clean,corrupted,correct,incorrect", *lines]))
    keys = {**SMALL, "prompts": 2, "methods": ["eap"]}
    (of_model,) = parse_plan({**keys, "models": [str(model)]}, "p", tmp_path).cells
    (of_task,) = parse_plan({**keys, "tasks": ["own.csv"]}, "p", tmp_path).cells
    for cell in (of_task, of_model):
        assert run_cell(cell).status == "done", run_cell(cell).reason
    rows.write_text("\n".join(["clean,corrupted,correct,incorrect", *lines[1:]]))
    config = model / "config.json"
    config.write_text(config.read_text() + "\n")
    for cell, status in ((of_model, "failed"), (of_task, "failed")):
        result = run_cell(cell)
        assert (
            result.status == status and "are others than those that the plan was read with" in result.reason
        )
