"""Work that is not saved yet is kept in a recovery file, so that no crash costs more than seconds."""

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

AUTOSAVE_DELAY_S = 2.0  # seconds from the first change that is not written to its writing
ABOUT_NAME = "recovery.json"
MAX_ABOUT_BYTES = 64 * 1024


@dataclass(frozen=True)
class RecoveredWork:
    """Work that a process left behind when it died.

    ``original`` is where the document had been saved before, ``saved`` when the recovery file was
    written (ISO 8601, UTC), ``summary`` a line on what it holds.
    """

    file: Path
    original: Path | None
    saved: str
    summary: str

    def open(self) -> Document:
        """The document, unsaved, at its old place; InputError where the file is damaged."""
        document = formats.get("circuit").value.read(self.file)
        document.path = self.original
        document.mark_unsaved()
        return document

    def discard(self) -> None:
        """Delete it."""
        for path in (self.file, self.file.with_suffix(".lock")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def find_recovered_work(folder: Path) -> list[RecoveredWork]:
    """What dead processes left in a folder, the latest first; files of living ones are theirs."""
    found = []
    _remove_leftovers(folder)
    for file in folder.glob("*.circuit"):
        if FileLock.is_held(file.with_suffix(".lock")):
            continue
        about = _read_about(file)
        original = about.get("original")
        found.append(
            RecoveredWork(
                file,
                Path(original) if isinstance(original, str) else None,
                str(about.get("saved", "")),
                str(about.get("summary", "")),
            )
        )
    return sorted(found, key=lambda r: r.saved, reverse=True)


class Autosave:
    """Writes a document's changes, on a thread of its own, moments after they were made.

    ``report_error`` is called, on that thread, with a sentence where the recovery file cannot be written,
    once until it can be again.
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
        self._generation = 0  # what was waiting in an earlier turn is not written any more
        self._due_time_s: float | None = None
        self._is_closing = False
        self._write_lock = threading.Lock()
        self._discarded_files: list[tuple[Path | None, FileLock | None]] = []
        self._thread: threading.Thread | None = None

    def track(self, document: Document, recovered: RecoveredWork | None = None) -> None:
        """Keep this document from now on; the recovery file of the one before is deleted.

        Work that was found goes on in its own recovery file: at no moment is there none.
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
        """Write now what waits to be written."""
        with self._condition:
            waiting, self._pending, self._due_time_s = self._pending, None, None
        if waiting is not None:
            self._write(*waiting)

    def close(self) -> None:
        """The work is saved, or is not wanted: no recovery file stays."""
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
                    left = self._due_time_s - time.monotonic()
                    if left <= 0:
                        break
                    self._condition.wait(left)
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
        """The claimed file to write to; None where what waited is not wanted any more."""
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
        """Nobody wants the recovery file any more; the thread that is writing it takes it away itself."""
        with self._condition:
            self._generation += 1
            self._discarded_files.append((self._file, self._lock))
            self._lock = self._file = None
        self._delete_discarded_files()

    def _delete_discarded_files(self) -> None:
        """Take unwanted files away, unless one is just being written: then this is called again after."""
        while self._discarded_files and self._write_lock.acquire(blocking=False):
            try:
                while self._discarded_files:
                    file, claim = self._discarded_files.pop()
                    if file is not None:
                        with contextlib.suppress(OSError):
                            file.unlink(missing_ok=True)
                    if claim is not None:
                        claim.release()
            finally:
                self._write_lock.release()


def _describe_document(document: Document) -> dict[str, Any]:
    state = document.state
    where, circuit = state.origin, state.circuit
    edges = f"{circuit.n_edges:,} edges" if circuit else "no circuit"
    origin = f"{where.method} on {where.model}, {where.task}" if where else ""
    if state.scores is not None and state.scores.partial:
        origin += ", not finished"
    return {
        "original": str(document.path) if document.path else None,
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "summary": " · ".join(part for part in (edges, origin) if part),
    }


def _remove_leftovers(folder: Path) -> None:
    """Take away what a process that was killed while it wrote has left of its writing."""
    remove_abandoned_files(folder)
    for file in folder.glob(".*.circuit.*"):
        if not FileLock.is_held(folder / f"{file.name.split('.')[1]}.lock"):
            file.unlink(missing_ok=True)
    for lock in folder.glob("*.lock"):
        if not lock.with_suffix(".circuit").exists() and not FileLock.is_held(lock):
            lock.unlink(missing_ok=True)


def _read_about(file: Path) -> dict[str, Any]:
    """What a recovery file says of itself; nothing where it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(ABOUT_NAME) as entry:
            told = parse_json(ABOUT_NAME, entry.read(MAX_ABOUT_BYTES))
    except Exception:  # a damaged archive fails in many ways; opening it will say how
        return {}
    return told if isinstance(told, dict) else {}
