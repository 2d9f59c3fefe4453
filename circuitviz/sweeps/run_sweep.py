"""Run a plan: compute the cells that have no result yet, wherever, and keep each as soon as it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from circuitviz.progress import Progress, ProgressRunner, ProgressSteps
from circuitviz.sweeps.cell import SweepCell
from circuitviz.sweeps.cell_result import CellResult
from circuitviz.sweeps.plan import SweepPlan
from circuitviz.sweeps.run_cell import CellRunner
from circuitviz.sweeps.store import SweepFolder

MISSING = "missing"
FinishedCell = tuple[SweepCell, CellResult]
CellExecutor = Callable[[Sequence[SweepCell]], Generator[Progress | FinishedCell, None, None]]
"""Computes cells in any order and yields each with its result; between them, progress of the running cell."""


@dataclass(frozen=True)
class SweepSummary:
    """Where a sweep stands.

    Attributes:
        done: Cells with numbers.
        refused: Cells whose method does not suit, with the reasons in their results.
        failed: Cells that failed.
        missing: Cells that are not computed yet.
        computed: Of all, how many were computed now.
    """

    done: int = 0
    refused: int = 0
    failed: int = 0
    missing: int = 0
    computed: int = 0

    @property
    def text(self) -> str:
        """The numbers in one line."""
        parts = [f"{self.done:,} of {self.total:,} cells done"]
        for name in ("refused", "failed", "missing"):
            if number := getattr(self, name):
                parts.append(f"{number:,} {name}")
        return ", ".join(parts)

    @property
    def total(self) -> int:
        """The number of all cells."""
        return self.done + self.refused + self.failed + self.missing


def read_statuses(plan: SweepPlan, folder: SweepFolder) -> dict[str, str]:
    """``missing`` or the status of the result, of each cell by digest."""
    found = {cell.digest: folder.read(cell) for cell in plan.cells}
    return {digest: MISSING if result is None else result.status for digest, result in found.items()}


def run_sweep_steps(
    plan: SweepPlan,
    folder: SweepFolder,
    execute: CellExecutor | None = None,
    retry_refused: bool = False,
) -> ProgressSteps[SweepSummary]:
    """Compute the cells that have no result, as a generator of progress whose partial results are summaries.

    Cells that failed are tried again. What is finished stays whatever happens later: the next run goes on
    from there.

    Args:
        plan: The plan.
        folder: Where results are kept.
        execute: Computes the cells; in this process by default.
        retry_refused: Whether cells that were refused are tried again, too.

    Raises:
        InputError: Another process runs the sweep, or the folder cannot be written.
    """
    lock = folder.lock()
    try:
        statuses = read_statuses(plan, folder)
        again = {MISSING, "failed", *(["refused"] if retry_refused else [])}
        pending = [cell for cell in plan.cells if statuses[cell.digest] in again]
        counts, computed = Counter(statuses.values()), 0
        for event in (execute or run_cells_here)(pending):
            if isinstance(event, Progress):
                yield replace(event, done=computed + event.fraction, total=len(pending), partial=None)
                continue
            cell, result = event
            folder.write(cell, result)
            counts[statuses[cell.digest]] -= 1
            counts[result.status] += 1
            computed += 1
            yield Progress(computed, len(pending), cell.text, SweepSummary(**counts, computed=computed))
    finally:
        lock.release()
    return SweepSummary(**counts, computed=computed)


def run_cells_here(
    cells: Sequence[SweepCell], device: str = "cpu"
) -> Generator[Progress | FinishedCell, None, None]:
    """Compute cells one after another in this process.

    Args:
        cells: The cells; those of one model beside one another open it once.
        device: ``cpu`` or ``cuda``.
    """
    runner = CellRunner(device)
    for cell in cells:
        steps = ProgressRunner(runner.run_steps(cell))
        yield from steps
        yield cell, steps.result
