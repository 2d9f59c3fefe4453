"""Recovery files of unsaved work, written seconds after each change, so that a crash loses little."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_file import pack_document
from circuitviz.formats.file_io import parse_json, write_atomically
from circuitviz.formats.file_lock import FileLock
from circuitviz.formats.registry import formats
from circuitviz.formats.temporary_files import remove_abandoned_files

AUTOSAVE_DELAY_S = 2.0  # from the first unwritten change to its writing
ABOUT_NAME = "recovery.json"
MAX_ABOUT_BYTES = 64 * 1024


@dataclass(frozen=True)
class RecoveredWork:
    """The recovery file of a process that has ended without saving.

    Attributes:
        file: The recovery file.
        original: The document's own file; None where it had none.
        saved: When the recovery file was written, ISO 8601 in UTC.
        summary: A line on what it holds.
    """

    file: Path
    original: Path | None
    saved: str
    summary: str

    def open(self) -> Document:
        """Read the document, as unsaved changes of its own file.

        Raises:
            InputError: The recovery file is damaged.
        """
        document = formats.get("circuit").value.read(self.file)
        document.path = self.original
        document.mark_unsaved()
        return document

    def discard(self) -> None:
        """Delete the recovery file."""
        for path in (self.file, self.file.with_suffix(".lock")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def find_recovered_work(folder: Path) -> list[RecoveredWork]:
    """Recovery files in a folder whose processes have ended, the latest first."""
    recovered = []
    _remove_leftovers(folder)
    for file in folder.glob("*.circuit"):
        if FileLock.is_held(file.with_suffix(".lock")):
            continue
        about = _read_about(file)
        original = about.get("original")
        recovered.append(
            RecoveredWork(
                file,
                Path(original) if isinstance(original, str) else None,
                str(about.get("saved", "")),
                str(about.get("summary", "")),
            )
        )
    return sorted(recovered, key=lambda r: r.saved, reverse=True)


class Autosave:
    """Writes a document's recovery file in a separate thread, soon after each change.

    Args:
        folder: Folder of recovery files.
        report_error: Called in that thread with a message when writing fails for the first time, and again
            after it has succeeded in between.
        delay_s: Seconds from the first unwritten change to its writing.
    """

    def __init__(
        self,
        folder: Path,
        report_error: Callable[[str], None] = lambda _: None,
        delay_s: float = AUTOSAVE_DELAY_S,
    ) -> None:
        self.folder, self.delay_s = folder, delay_s
        self._report_error, self._last_write_succeeded = report_error, True
        self._document: Document | None = None
        self._lock: FileLock | None = None
        self._file: Path | None = None
        self._condition = threading.Condition()
        self._pending: tuple[Document, int] | None = None
        self._generation = 0  # snapshots of earlier generations are no longer written
        self._due_time_s: float | None = None
        self._is_closing = False
        self._write_lock = threading.Lock()
        self._discarded_files: list[tuple[Path | None, FileLock | None]] = []
        self._thread: threading.Thread | None = None

    def track(self, document: Document, recovered: RecoveredWork | None = None) -> None:
        """Track a document in place of the last one, whose recovery file is deleted.

        Args:
            document: The document.
            recovered: The recovery file that it was read from, which is written further, so that at no moment
                there is none.
        """
        self._stop_tracking()
        if recovered is not None:
            self._lock, self._file = self._acquire_lock(recovered.file), recovered.file
        self._document = document
        for signal in (document.state_changed, document.evaluated, document.dirty_changed):
            signal.connect(self._on_change)
        if document.is_dirty:
            self._on_change()

    def flush(self) -> None:
        """Write pending changes now."""
        with self._condition:
            pending, self._pending, self._due_time_s = self._pending, None, None
        if pending is not None:
            self._write(*pending)

    def close(self) -> None:
        """Stop tracking and delete the recovery file."""
        self._stop_tracking()
        with self._condition:
            self._is_closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._delete_discarded_files()

    def _stop_tracking(self) -> None:
        if self._document is not None:
            for name in ("state_changed", "evaluated", "dirty_changed"):
                getattr(self._document, name).disconnect(self._on_change)
        self._document = None
        with self._condition:
            self._pending = self._due_time_s = None
        self._discard_file()

    def _on_change(self, *_: object) -> None:
        document = self._document
        if document is None:
            return
        if not document.is_dirty or document.state.circuit is None:
            with self._condition:
                self._pending = self._due_time_s = None
            if not document.is_dirty:
                self._discard_file()
            return
        with self._condition:
            self._pending = document.snapshot(), self._generation
            if self._due_time_s is None:
                self._due_time_s = time.monotonic() + self.delay_s
                self._condition.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._is_closing or self._due_time_s is not None)
                while not self._is_closing and self._due_time_s is not None:
                    remaining_s = self._due_time_s - time.monotonic()
                    if remaining_s <= 0:
                        break
                    self._condition.wait(remaining_s)
                if self._is_closing:
                    return
            self.flush()

    def _write(self, document: Document, generation: int) -> None:
        with self._write_lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if (file := self._current_file(generation)) is not None:
                    about = json.dumps(_describe_document(document)).encode()
                    write_atomically(file, pack_document(document, {ABOUT_NAME: about}))
                    self._last_write_succeeded = True
            except (OSError, InputError, RuntimeError) as error:
                if self._last_write_succeeded:
                    self._report_error(f"Unsaved work cannot be kept for recovery: {error}")
                self._last_write_succeeded = False
        self._delete_discarded_files()

    def _current_file(self, generation: int) -> Path | None:
        """The locked recovery file; None where the snapshot's generation is over."""
        with self._condition:
            if generation != self._generation:
                return None
            if self._file is None:
                file = self.folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}.circuit"
                self._lock, self._file = self._acquire_lock(file), file
            return self._file

    def _acquire_lock(self, file: Path) -> FileLock | None:
        with contextlib.suppress(OSError):
            return FileLock.acquire(file.with_suffix(".lock"), {"pid": os.getpid()})
        return None

    def _discard_file(self) -> None:
        """Delete the recovery file; if the thread is writing it, the thread deletes it afterwards."""
        with self._condition:
            self._generation += 1
            self._discarded_files.append((self._file, self._lock))
            self._lock = self._file = None
        self._delete_discarded_files()

    def _delete_discarded_files(self) -> None:
        """Delete discarded files, unless one is being written; then this is called again afterwards."""
        while self._discarded_files and self._write_lock.acquire(blocking=False):
            try:
                while self._discarded_files:
                    file, lock = self._discarded_files.pop()
                    if file is not None:
                        with contextlib.suppress(OSError):
                            file.unlink(missing_ok=True)
                    if lock is not None:
                        lock.release()
            finally:
                self._write_lock.release()


def _describe_document(document: Document) -> dict[str, Any]:
    state = document.state
    origin, circuit = state.origin, state.circuit
    edges = f"{circuit.n_edges:,} edges" if circuit else "no circuit"
    source = f"{origin.method} on {origin.model}, {origin.task}" if origin else ""
    if state.scores is not None and state.scores.partial:
        source += ", not finished"
    return {
        "original": str(document.path) if document.path else None,
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "summary": " · ".join(text for text in (edges, source) if text),
    }


def _remove_leftovers(folder: Path) -> None:
    """Delete temporary files and locks of processes that have ended."""
    remove_abandoned_files(folder)
    for file in folder.glob(".*.circuit.*"):
        if not FileLock.is_held(folder / f"{file.name.split('.')[1]}.lock"):
            file.unlink(missing_ok=True)
    for lock in folder.glob("*.lock"):
        if not lock.with_suffix(".circuit").exists() and not FileLock.is_held(lock):
            lock.unlink(missing_ok=True)


def _read_about(file: Path) -> dict[str, Any]:
    """The description in a recovery file; empty where it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(ABOUT_NAME) as entry:
            about = parse_json(ABOUT_NAME, entry.read(MAX_ABOUT_BYTES))
    except Exception:  # damaged archives raise many kinds; opening reports it
        return {}
    return about if isinstance(about, dict) else {}
