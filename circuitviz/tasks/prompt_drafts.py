"""Drafts of own prompts: what is typed is in a file moments later, and comes back after a crash.

Each process writes a file of its own, which it keeps locked. A file that nobody holds was left by a process
that has ended; the next one to need a draft takes the latest of them over, and lists the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.file_io import parse_json, write_atomically
from circuitviz.formats.file_lock import FileLock
from circuitviz.tasks.prompt_sets import PROMPT_COLUMNS, PromptRow, prompt_sets_folder
from circuitviz.tasks.slot_templates import NO_TEMPLATE, SlotTemplate, WordSlot
from circuitviz.tasks.spans import check_spans

MAX_DRAFT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class SavedDraft:
    """A draft as its file holds it.

    Attributes:
        file: The file.
        saved: When it was written, ISO 8601 in UTC.
        name: Name of the prompts.
        set_name: The set that they were opened from or saved as; empty where there is none.
        rows: The rows.
        template: The template that is written beside them.
    """

    file: Path
    saved: str
    name: str
    set_name: str
    rows: tuple[PromptRow, ...]
    template: SlotTemplate = NO_TEMPLATE


def drafts_folder() -> Path:
    """The folder of the drafts; it need not exist yet."""
    return prompt_sets_folder() / "drafts"


def list_drafts() -> list[SavedDraft]:
    """Drafts that no process is writing, the latest first; what cannot be read is left alone."""
    drafts = []
    for file in drafts_folder().glob("*.json"):
        if not FileLock.is_held(file.with_suffix(".lock")) and (draft := _read_draft(file)) is not None:
            drafts.append(draft)
    return sorted(drafts, key=lambda draft: draft.saved, reverse=True)


@dataclass
class DraftFile:
    """The draft that this process writes. Any thread may write; the latest state wins."""

    _file: Path | None = None
    _lock: FileLock | None = None
    _mutex: threading.Lock = field(default_factory=threading.Lock)
    _written: int = 0

    def take_over_latest(self) -> SavedDraft | None:
        """Go on with the latest draft of a process that has ended; None where there is none."""
        for draft in list_drafts():
            lock = _acquire(draft.file)
            if lock is not None:
                self._file, self._lock = draft.file, lock
                return draft
        return None

    def write(
        self,
        number: int,
        name: str,
        set_name: str,
        rows: Sequence[PromptRow],
        template: SlotTemplate = NO_TEMPLATE,
    ) -> None:
        """Write a state, or remove the file where it holds nothing.

        Args:
            number: Counts states from 1: one that is not later than was written last is not written.
            name: Name of the prompts.
            set_name: The set that they were opened from or saved as.
            rows: The rows.
            template: The template.

        Raises:
            InputError: The file cannot be written.
        """
        with self._mutex:
            if number <= self._written:
                return
            self._written = number
            if template.is_empty and all(row.is_empty for row in rows):
                if self._file is not None:
                    self._file.unlink(missing_ok=True)
                return
            if self._file is None:
                self._begin_file()
            assert self._file is not None
            data = {
                "saved": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "name": name,
                "set": set_name,
                "rows": [[*row.texts, *([row.spans] if row.spans else [])] for row in rows],
                "template": asdict(template),
            }
            write_atomically(self._file, json.dumps(data).encode())

    def leave(self) -> None:
        """Leave what was written as an earlier draft; what comes is written to a file of its own."""
        with self._mutex:
            if self._lock is not None:
                self._lock.release()
            self._file = self._lock = None

    def _begin_file(self) -> None:
        try:
            drafts_folder().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The draft of the prompts cannot be written: {error.strerror}.") from None
        self._file = drafts_folder() / f"{os.getpid()}-{uuid.uuid4().hex[:12]}.json"
        self._lock = _acquire(self._file)


def _acquire(file: Path) -> FileLock | None:
    with contextlib.suppress(OSError):
        return FileLock.acquire(file.with_suffix(".lock"), {"pid": os.getpid()})
    return None


def _read_draft(file: Path) -> SavedDraft | None:
    try:
        data = parse_json(file.name, file.read_bytes(), MAX_DRAFT_BYTES)
        rows = tuple(map(_read_row, data["rows"]))
        template = _read_template(data.get("template", {}))
        return SavedDraft(file, str(data["saved"]), str(data["name"]), str(data["set"]), rows, template)
    except (OSError, InputError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _read_row(cells: Sequence[Any]) -> PromptRow:
    """A row's texts, and behind them its spans where it has any."""
    texts = dict(zip(PROMPT_COLUMNS, map(str, cells), strict=False))
    spans = [
        (str(name), int(first), int(end)) for name, first, end in (cells[len(PROMPT_COLUMNS) :] or [[]])[0]
    ]
    return PromptRow(spans=check_spans(texts["clean"], spans), **texts)


def _read_template(data: Mapping[str, Any]) -> SlotTemplate:
    slots = tuple(
        WordSlot(**{key: str(text) for key, text in slot.items()}) for slot in data.get("slots", ())
    )
    prompts = tuple(map(str, data.get("prompts", ())))
    return SlotTemplate(prompts, str(data.get("correct", "")), str(data.get("incorrect", "")), slots)
