"""Cells as jobs of a real SLURM, where one runs on this machine: `sinfo` has to name a partition that is up."""

from __future__ import annotations

import gc
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from circuitviz.progress import Progress, run_to_completion
from circuitviz.sweeps import SweepFolder, parse_plan, run_sweep_steps

pytest.importorskip("dask_jobqueue")

import dask

from circuitviz.cluster import open_connection, parse_place, run_cells_on

pytestmark = pytest.mark.long
PLAN = {
    "tasks": ["ioi", "sva", "greater-than"],
    "methods": ["eap", "gim"],
    "sizes": [0.02],
    "prompts": 3,
    "search_prompts": 3,
}


def ask(*words: str) -> list[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=30).stdout.split()


@pytest.fixture
def partition() -> Iterator[str]:
    """The name of a partition that is up."""
    up = ask("sinfo", "-h", "-o", "%R %a") if shutil.which("sinfo") else []
    if up[1:2] != ["up"]:
        pytest.skip("no SLURM runs on this machine")
    yield up[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # dask-jobqueue leaves files of certificates open
        gc.collect()


def test_a_sweep_outlives_a_cancelled_job_which_is_submitted_again(partition: str, tmp_path: Path) -> None:
    """One of two jobs is cancelled when the first cell is there."""
    plan, folder = parse_plan(PLAN, "p", Path(".")), SweepFolder(tmp_path)
    place = parse_place(f"slurm:partition={partition},workers=2,memory=2GB,interface=lo,time=0:10:00")
    earlier, jobs = set(ask("squeue", "-h", "-o", "%i")), set[str]()
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}),
        open_connection(place) as connection,
    ):
        assert connection.check_workers() == []
        assert connection.client.scheduler.address.startswith("tls://")

        def execute(cells: Any) -> Iterator[Any]:
            for event in run_cells_on(connection, cells):
                if not isinstance(event, Progress) and not jobs:
                    jobs.update(set(ask("squeue", "-h", "-o", "%i")) - earlier)
                    subprocess.run(["scancel", min(jobs)], check=True, timeout=30)
                    wait_for(lambda: min(jobs) not in ask("squeue", "-h", "-o", "%i"))
                yield event

        summary = run_to_completion(run_sweep_steps(plan, folder, execute))
        assert (summary.done, summary.failed, summary.missing) == (6, 0, 0) and len(jobs) == 2

        def is_submitted_again() -> bool:
            connection.restore_workers()
            return len(set(ask("squeue", "-h", "-o", "%i")) - earlier - jobs) == 1

        wait_for(is_submitted_again)
    wait_for(lambda: not set(ask("squeue", "-h", "-o", "%i")) - earlier)  # jobs end with the connection


def wait_for(is_true: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Look several times a second; fails after a minute."""
    end_s = time.monotonic() + patience_s
    while not is_true():
        assert time.monotonic() < end_s
        time.sleep(0.2)
