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

from circuitviz.errors import InputError
from circuitviz.formats.circuit_file import packed
from circuitviz.formats.claims import Claim
from circuitviz.formats.disk import parse_json, write_whole
from circuitviz.formats.registry import formats
from circuitviz.formats.temporaries import remove_abandoned
from circuitviz.session import Document

DELAY = 2.0  # seconds from the first change that is not written to its writing
ABOUT = "recovery.json"
LONGEST = 64 * 1024


@dataclass(frozen=True)
class Recovered:
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


def left_behind(folder: Path) -> list[Recovered]:
    """What dead processes left in a folder, the latest first; files of living ones are theirs."""
    found = []
    _sweep(folder)
    for file in folder.glob("*.circuit"):
        if Claim.held(file.with_suffix(".lock")):
            continue
        about = _about(file)
        original = about.get("original")
        found.append(
            Recovered(
                file,
                Path(original) if isinstance(original, str) else None,
                str(about.get("saved", "")),
                str(about.get("summary", "")),
            )
        )
    return sorted(found, key=lambda r: r.saved, reverse=True)


class Autosave:
    """Writes a document's changes, on a thread of its own, moments after they were made.

    ``told`` is called, on that thread, with a sentence where the recovery file cannot be written,
    once until it can be again.
    """

    def __init__(
        self, folder: Path, told: Callable[[str], None] = lambda _: None, delay: float = DELAY
    ) -> None:
        self.folder, self.delay = folder, delay
        self._told, self._well = told, True
        self._document: Document | None = None
        self._claim: Claim | None = None
        self._file: Path | None = None
        self._wake = threading.Condition()
        self._waiting: tuple[Document, int] | None = None
        self._turn = 0  # what was waiting in an earlier turn is not written any more
        self._due: float | None = None
        self._closing = False
        self._writing = threading.Lock()
        self._unwanted: list[tuple[Path | None, Claim | None]] = []
        self._thread: threading.Thread | None = None

    def follow(self, document: Document, found: Recovered | None = None) -> None:
        """Keep this document from now on; the recovery file of the one before is deleted.

        Work that was found goes on in its own recovery file: at no moment is there none.
        """
        self._leave()
        if found is not None:
            self._claim, self._file = self._take(found.file), found.file
        self._document = document
        for signal in (document.state_changed, document.evaluated, document.dirty_changed):
            signal.connect(self._changed)
        if document.dirty:
            self._changed()

    def flush(self) -> None:
        """Write now what waits to be written."""
        with self._wake:
            waiting, self._waiting, self._due = self._waiting, None, None
        if waiting is not None:
            self._write(*waiting)

    def close(self) -> None:
        """The work is saved, or is not wanted: no recovery file stays."""
        self._leave()
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._clear()

    def _leave(self) -> None:
        if self._document is not None:
            for name in ("state_changed", "evaluated", "dirty_changed"):
                getattr(self._document, name).disconnect(self._changed)
        self._document = None
        with self._wake:
            self._waiting = self._due = None
        self._remove()

    def _changed(self, *_: object) -> None:
        document = self._document
        if document is None:
            return
        if not document.dirty or document.state.circuit is None:
            with self._wake:
                self._waiting = self._due = None
            if not document.dirty:
                self._remove()
            return
        with self._wake:
            self._waiting = document.snapshot(), self._turn
            if self._due is None:
                self._due = time.monotonic() + self.delay
                self._wake.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._due is not None)
                while not self._closing and self._due is not None:
                    left = self._due - time.monotonic()
                    if left <= 0:
                        break
                    self._wake.wait(left)
                if self._closing:
                    return
            self.flush()

    def _write(self, document: Document, turn: int) -> None:
        with self._writing:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                if (file := self._begun(turn)) is not None:
                    about = json.dumps(_described(document)).encode()
                    write_whole(file, packed(document, {ABOUT: about}))
                    self._well = True
            except (OSError, InputError, RuntimeError) as error:
                if self._well:
                    self._told(f"Unsaved work cannot be kept for recovery: {error}")
                self._well = False
        self._clear()

    def _begun(self, turn: int) -> Path | None:
        """The claimed file to write to; None where what waited is not wanted any more."""
        with self._wake:
            if turn != self._turn:
                return None
            if self._file is None:
                file = self.folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}.circuit"
                self._claim, self._file = self._take(file), file
            return self._file

    def _take(self, file: Path) -> Claim | None:
        with contextlib.suppress(OSError):
            return Claim.take(file.with_suffix(".lock"), {"pid": os.getpid()})
        return None

    def _remove(self) -> None:
        """Nobody wants the recovery file any more; the thread that is writing it takes it away itself."""
        with self._wake:
            self._turn += 1
            self._unwanted.append((self._file, self._claim))
            self._claim = self._file = None
        self._clear()

    def _clear(self) -> None:
        """Take unwanted files away, unless one is just being written: then this is called again after."""
        while self._unwanted and self._writing.acquire(blocking=False):
            try:
                while self._unwanted:
                    file, claim = self._unwanted.pop()
                    if file is not None:
                        with contextlib.suppress(OSError):
                            file.unlink(missing_ok=True)
                    if claim is not None:
                        claim.release()
            finally:
                self._writing.release()


def _described(document: Document) -> dict[str, Any]:
    state = document.state
    where, circuit = state.provenance, state.circuit
    edges = f"{circuit.n_edges:,} edges" if circuit else "no circuit"
    origin = f"{where.method} on {where.model}, {where.task}" if where else ""
    if state.scores is not None and state.scores.partial:
        origin += ", not finished"
    return {
        "original": str(document.path) if document.path else None,
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "summary": " · ".join(part for part in (edges, origin) if part),
    }


def _sweep(folder: Path) -> None:
    """Take away what a process that was killed while it wrote has left of its writing."""
    remove_abandoned(folder)
    for file in folder.glob(".*.circuit.*"):
        if not Claim.held(folder / f"{file.name.split('.')[1]}.lock"):
            file.unlink(missing_ok=True)
    for lock in folder.glob("*.lock"):
        if not lock.with_suffix(".circuit").exists() and not Claim.held(lock):
            lock.unlink(missing_ok=True)


def _about(file: Path) -> dict[str, Any]:
    """What a recovery file says of itself; nothing where it cannot be read."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(ABOUT) as entry:
            told = parse_json(ABOUT, entry.read(LONGEST))
    except Exception:  # a damaged archive fails in many ways; opening it will say how
        return {}
    return told if isinstance(told, dict) else {}
