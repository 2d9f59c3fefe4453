"""Compute the cells of a sweep on the workers of a connection."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Sequence
from typing import Any

import dask.config
import distributed

from circuitviz.cancellation import cancellable, check_cancelled
from circuitviz.cluster.connection import Connection
from circuitviz.cluster.tasks import cancellation_of_task
from circuitviz.errors import ComputationError, first_error_line
from circuitviz.progress import Progress, ProgressRunner
from circuitviz.sweeps import CellResult, CellRunner, SweepCell
from circuitviz.sweeps.run_sweep import FinishedCell

CELLS_A_WORKER = 2  # that are sent ahead: a worker does not wait for the next, and a scheduler holds few
POLL_INTERVAL_S = 0.05
COUNT_INTERVAL_S = 2.0  # between two counts of the workers, which come and go
LONGEST_WAIT_S = 300.0  # without any worker

logger = logging.getLogger(__name__)


def run_cells_on(
    connection: Connection, cells: Sequence[SweepCell], device: str = "cpu"
) -> Generator[Progress | FinishedCell, None, None]:
    """Compute cells on the workers of a connection, in whichever order they are done.

    Each worker takes the next cell when it has done one, so that a slow one holds nobody up; cells of one
    model are handed out one after another, so that a worker opens a model seldom. A cell whose worker has
    died is given to another one, three times; then it has failed.

    Args:
        connection: The connection.
        cells: The cells.
        device: ``cpu`` or ``cuda``.

    Raises:
        ComputationError: The scheduler is lost, or no worker was there for five minutes.
    """
    running: dict[Any, SweepCell] = {}
    done = distributed.as_completed(loop=connection.client.loop)
    waiting, n_sent, n_workers = iter(cells), 0, _WorkerCount(connection)
    try:
        while True:
            while len(running) < max(1, CELLS_A_WORKER * n_workers.read()):
                cell = next(waiting, None)
                if cell is None:
                    break
                n_sent += 1
                future = connection.client.submit(
                    compute_cell,
                    cell,
                    device,
                    key=f"cell-{n_sent}-{cell.digest}",
                    pure=False,
                    priority=-n_sent,
                )
                running[future] = cell
                done.add(future)
            if not running:
                return
            while not done.has_ready():
                _require_connection(connection, n_workers)
                yield Progress(0, 1, f"{n_workers.read()} workers")
                check_cancelled()
                time.sleep(POLL_INTERVAL_S)
            for future in done.next_batch(block=False):
                cell = running.pop(future)
                yield cell, _result_of(future, cell, connection)
                future.release()
    finally:
        connection.client.cancel(list(running))


def compute_cell(cell: SweepCell, device: str) -> CellResult:
    """Compute a cell in this process, a worker of Dask; the model that was used last stays open.

    Raises:
        Cancelled: Nobody waits for the cell any more.
    """
    with _runner_lock, cancellable(cancellation_of_task()):
        runner = _runners.setdefault(device, CellRunner(device))
        steps = ProgressRunner(runner.run_steps(cell))
        for _step in steps:
            check_cancelled()
        return steps.result


_runners: dict[str, CellRunner] = {}
_runner_lock = threading.Lock()  # a worker may have several threads, and a model serves one


class _WorkerCount:
    """The number of workers, asked for every two seconds."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._number, self._asked_s = connection, 0, -COUNT_INTERVAL_S
        self.last_seen_s = time.monotonic()

    def read(self) -> int:
        now = time.monotonic()
        if now - self._asked_s >= COUNT_INTERVAL_S:
            self._number, self._asked_s = self._connection.n_workers, now
            if self._number:
                self.last_seen_s = now
            if self._number < self._connection.place.workers:
                self._connection.restore_workers()
        return self._number


def _require_connection(connection: Connection, workers: _WorkerCount) -> None:
    place = connection.place.text
    if connection.client.status not in ("running", "connecting"):
        raise ComputationError(
            f"The scheduler of '{place}' is lost. What is done is kept; run the sweep again."
        )
    if time.monotonic() - workers.last_seen_s > LONGEST_WAIT_S:
        raise ComputationError(
            f"No worker of '{place}' was there for {LONGEST_WAIT_S / 60:.0f} minutes. What is done is kept; "
            "run the sweep again."
        )


def _result_of(future: Any, cell: SweepCell, connection: Connection) -> CellResult:
    """The result of a cell that has ended, whichever way."""
    if future.status == "finished":
        result: CellResult = future.result()
        return result
    if future.status in ("cancelled", "lost"):
        raise ComputationError(
            f"The scheduler of '{connection.place.text}' has dropped a cell. What is done is kept; run the "
            "sweep again."
        )
    error = future.exception()
    reason = f"{type(error).__name__}: {first_error_line(error)}"
    if type(error).__name__ == "KilledWorker":
        n_deaths = 1 + int(dask.config.get("distributed.scheduler.allowed-failures"))
        reason = f"Its worker died {n_deaths} times while it was computed; perhaps of memory."
    logger.info("%s: %s", cell.text, reason)
    return CellResult.of_failure(cell, reason)
