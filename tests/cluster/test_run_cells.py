"""Cells on two worker processes give the numbers of one process, whichever worker dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from circuitviz.progress import Progress, run_to_completion
from circuitviz.sweeps import CellResult, SweepFolder, SweepPlan, parse_plan, run_cells_here, run_sweep_steps

pytest.importorskip("distributed")

from circuitviz.cluster import Connection, run_cells_on

pytestmark = pytest.mark.long


def plan_of(**keys: Any) -> SweepPlan:
    return parse_plan({"prompts": 3, "search_prompts": 3, "sizes": [0.02, 0.1], **keys}, "p", Path("."))


def numbers(result: CellResult) -> CellResult:
    """A result without what may differ between two runs."""
    return replace(result, search_s=0, search_processor_s=0, judge_s=0, finished="", machine="", versions={})


def test_workers_are_what_this_process_is(connection: Connection) -> None:
    connection.client.wait_for_workers(2)  # another test may have killed one, which comes again
    assert connection.check_workers() == [] and connection.n_workers == 2
    assert len({facts.address for facts in connection.describe_workers()}) == 2


def test_two_processes_give_the_numbers_of_one_and_a_killed_worker_loses_none(
    connection: Connection, tmp_path: Path
) -> None:
    """The first result that comes kills its neighbour, which is computing; Dask starts another."""
    plan = plan_of(
        tasks=["ioi", "greater-than"], methods=["eap", "gim"], seeds=[0, 1, 2],
        grid=[{}, {"models": ["reverse"], "tasks": ["ioi", "reverse"], "seeds": [0]}, {"models": ["no-such/model"]}],
    )  # fmt: skip
    here = {cell.digest: result for cell, result in _finished(run_cells_here(plan.cells))}
    is_killed = False

    def execute(cells: Any) -> Iterator[Any]:
        nonlocal is_killed
        for event in run_cells_on(connection, cells):
            if not isinstance(event, Progress) and not is_killed:
                pids = connection.client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)
                is_killed = True
            yield event

    folder = SweepFolder(tmp_path)
    summary = run_to_completion(run_sweep_steps(plan, folder, execute))
    assert is_killed and summary.missing == 0 and summary.computed == len(plan.cells)
    there = {cell.digest: result for cell, result in folder.read_finished(plan)}
    assert {
        status: sum(r.status == status for r in there.values()) for status in ("done", "refused", "failed")
    } == {status: sum(r.status == status for r in here.values()) for status in ("done", "refused", "failed")}
    for digest, result in here.items():
        assert numbers(there[digest]) == numbers(result)


def test_whoever_stops_waiting_leaves_the_workers_idle(connection: Connection) -> None:
    """A cell whose sweep was interrupted ends at its next step, so that the next sweep does not wait for it."""
    (long,) = plan_of(methods=[{"name": "learned-ranking", "training_steps": 10_000}]).cells
    events = run_cells_on(connection, [long])
    while not any(connection.client.processing().values()):
        next(events)
    for _ in range(20):
        next(events)
    events.close()
    cells = plan_of(methods=["eap"], seeds=[5, 6]).cells
    assert {result.status for _, result in _finished(run_cells_on(connection, cells))} == {"done"}


def _finished(events: Iterator[Any]) -> Iterator[Any]:
    return (event for event in events if not isinstance(event, Progress))
