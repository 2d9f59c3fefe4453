"""The folder of a sweep: a file for each cell, written as soon as the cell is computed."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from circuitviz.errors import InputError
from circuitviz.formats.file_io import parse_json, read_bytes, write_atomically
from circuitviz.sweeps.cell import SweepCell
from circuitviz.sweeps.cell_result import CellResult
from circuitviz.sweeps.plan import SweepPlan

CELLS_FOLDER = "cells"
LOCK_FILE = ".lock"
MAX_CELL_BYTES = 2**20


class SweepFolder:
    """Results by cell.

    Args:
        path: The folder; it is made when the first result is written.

    Attributes:
        path: The folder.
        unreadable: What is wrong with files that could not be read, by name; their cells count as missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unreadable: dict[str, str] = {}

    def cell_path(self, cell: SweepCell) -> Path:
        """Where the result of a cell is kept; a hundred thousand files are spread over 256 folders."""
        return self.path / CELLS_FOLDER / cell.digest[:2] / f"{cell.digest}.json"

    def read(self, cell: SweepCell) -> CellResult | None:
        """The result of a cell; None where there is none that can be read."""
        path = self.cell_path(cell)
        if not path.is_file():
            return None
        try:
            data = parse_json(path.name, read_bytes(path, MAX_CELL_BYTES))
            result = CellResult.from_json(data, path.name)
        except InputError as error:
            self.unreadable[path.name] = str(error)
            return None
        if result.digest != cell.digest:
            self.unreadable[path.name] = f"'{path.name}' holds the cell {result.digest}."
            return None
        return result

    def read_finished(self, plan: SweepPlan) -> list[tuple[SweepCell, CellResult]]:
        """The cells of a plan that have a result, in the plan's order."""
        found = ((cell, self.read(cell)) for cell in plan.cells)
        return [(cell, result) for cell, result in found if result is not None]

    def write(self, cell: SweepCell, result: CellResult) -> None:
        """Keep the result of a cell.

        Raises:
            InputError: The disk is full or the folder cannot be written.
        """
        path = self.cell_path(cell)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"The sweep's folder '{path.parent}' cannot be made: {error.strerror}."
            ) from None
        write_atomically(path, result.to_json())

    def lock(self) -> FileLock:
        """Keep other processes from computing the same cells, until the lock is released.

        Raises:
            InputError: Another process has the folder, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK_FILE, timeout=0, thread_local=False)
            lock.acquire()
        except Timeout:
            raise InputError(
                f"Another process runs a sweep in '{self.path}'. Wait for it, or give another folder with -o."
            ) from None
        except OSError as error:
            raise InputError(
                f"The sweep's folder '{self.path}' cannot be written: {error.strerror}."
            ) from None
        return lock
