"""A scheduler and a worker that a person starts with Dask's own commands, as the help says."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from circuitviz.progress import Progress, run_to_completion
from circuitviz.sweeps import SweepFolder, parse_plan, run_sweep_steps

pytest.importorskip("distributed")

from circuitviz.cluster import open_connection, parse_place, run_cells_on

pytestmark = pytest.mark.long


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "dask", *words], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_the_only_worker_is_killed_and_another_goes_on(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    plan = parse_plan(
        {"methods": ["eap", "gim", "relp"], "sizes": [0.02], "prompts": 3, "search_prompts": 3},
        "p",
        Path("."),
    )
    worker = ("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    with (
        running("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"),
        running(*worker) as first,
        open_connection(parse_place(address)) as connection,
    ):
        assert connection.check_workers() == []
        second: list[Any] = []

        def execute(cells: Any) -> Iterator[Any]:
            for event in run_cells_on(connection, cells):
                if not isinstance(event, Progress) and not second:
                    first.kill()
                    second.append(running(*worker))
                    second[0].__enter__()
                yield event

        try:
            summary = run_to_completion(run_sweep_steps(plan, SweepFolder(tmp_path), execute))
        finally:
            second[0].__exit__(None, None, None)
        assert (summary.done, summary.computed) == (3, 3)
