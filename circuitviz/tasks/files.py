"""Tasks from CSV and JSONL files; every error names the line and what would be right."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.models import Tokens
from circuitviz.tasks.pairs import Pair

LARGEST = 64 * 1024 * 1024
COLUMNS = ("clean", "corrupted", "correct", "incorrect")
EAP_COLUMNS = ("clean", "corrupted", "correct_idx", "incorrect_idx")


def is_task_file(name: str) -> bool:
    """Whether a task's name is meant as a file."""
    return name.lower().endswith((".csv", ".jsonl"))


def read_pairs(name: str, tokens: Tokens) -> tuple[list[Pair], list[str]]:
    """Read pairs and each pair's place (``ioi.csv line 3``) for later messages.

    Columns: ``clean, corrupted, correct, incorrect``, several answers with ``|`` in CSV and as a
    list in JSONL; EAP-IG's ``correct_idx, incorrect_idx`` are indices into the vocabulary.
    """
    path = Path(name).expanduser()
    text = _text(path)
    rows = _csv(path, text) if path.suffix.lower() == ".csv" else _jsonl(path, text)
    pairs, places = [], []
    for place, row in rows:
        pairs.append(_pair(place, row, tokens))
        places.append(place)
    if not pairs:
        raise InputError(
            f"The task file '{path.name}' holds no prompts; it needs a line for each pair, with "
            f"{', '.join(COLUMNS)}."
        )
    return pairs, places


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"There is no task file '{path}'; check the path, or name a built-in task.")
    size = path.stat().st_size
    if size > LARGEST:
        raise InputError(
            f"The task file '{path.name}' has {size / 2**20:.0f} MB; at most "
            f"{LARGEST // 2**20} MB are read. Give a sample: a few hundred pairs are plenty."
        )
    if size == 0:
        raise InputError(
            f"The task file '{path.name}' is empty; it needs a header line with "
            f"{', '.join(COLUMNS)} and a line for each pair."
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"The task file '{path.name}' is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None
    except OSError as error:
        raise InputError(f"The task file '{path}' cannot be read: {error.strerror}.") from None


def _csv(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        _check_columns(path, header)
        reader.fieldnames = header
        for row in reader:
            place = f"{path.name} line {reader.line_num}"
            if None in row or None in row.values():
                raise InputError(
                    f"{place}: it has another number of fields than the header's {len(header)}; "
                    "put quotes around text that holds a comma."
                )
            yield place, row
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}: this is not CSV ({error}).") from None


def _jsonl(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path.name} line {number}"
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise InputError(
                f"{place}: this is not JSON; each line is one object with {', '.join(COLUMNS)}."
            ) from None
        if not isinstance(row, dict):
            raise InputError(f"{place}: this is not an object with {', '.join(COLUMNS)}.")
        _check_columns(path, list(row), place)
        yield place, row


def _check_columns(path: Path, there: list[str], place: str = "") -> None:
    wanted = EAP_COLUMNS if "correct_idx" in there else COLUMNS[:3]
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InputError(
            f"{place or path.name}: the column {', '.join(map(repr, missing))} is missing; there "
            f"is {', '.join(there) or 'nothing'}. A task file has {', '.join(COLUMNS)}."
        )


def _pair(place: str, row: dict[str, Any], tokens: Tokens) -> Pair:
    clean, corrupted = row["clean"], row["corrupted"]
    if not isinstance(clean, str) or not isinstance(corrupted, str):
        raise InputError(f"{place}: 'clean' and 'corrupted' must be text.")
    if "correct_idx" in row:
        correct = _from_indices(place, row["correct_idx"], tokens)
        incorrect = _from_indices(place, row["incorrect_idx"], tokens)
    else:
        correct = _answers(place, row["correct"])
        incorrect = _answers(place, row.get("incorrect", ""))
    return Pair(clean, corrupted, correct, incorrect)


def _answers(place: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(part for part in given.split("|") if part)
    if isinstance(given, list) and all(isinstance(part, str) for part in given):
        return tuple(given)
    raise InputError(f"{place}: answers are {given!r}; they must be text, or a list of texts.")


def _from_indices(place: str, given: object, tokens: Tokens) -> tuple[str, ...]:
    try:
        parsed: Any = json.loads(given) if isinstance(given, str) else given
        indices = [int(i) for i in (parsed if isinstance(parsed, list) else [parsed])]
    except (ValueError, TypeError):
        raise InputError(f"{place}: {given!r} is no index into the vocabulary.") from None
    for index in indices:
        if not 0 <= index < tokens.vocabulary_size:
            raise InputError(
                f"{place}: index {index} is outside this model's vocabulary of "
                f"{tokens.vocabulary_size}; was the file made for another model?"
            )
    return tuple(tokens.strings(indices))
