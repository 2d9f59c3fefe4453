"""Reading tasks from CSV, JSONL and JSON files; every error names the line and what would be right."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.models import PromptTokenizer
from circuitviz.tasks.pairs import EncodedPair, PromptPair, UnusablePairError, encode_pair
from circuitviz.tasks.row_layouts import (
    DEFAULT_METRIC,
    TASK_COLUMNS,
    FileRow,
    RowReader,
    describe_missing_columns,
    find_row_layout,
)

MAX_FILE_BYTES = 64 * 2**20
MAX_JSON_CHARS = 32 * 2**20  # JSON is parsed in one piece
MAX_JSON_VALUES = 2_000_000  # each becomes a Python object
MAX_COLUMNS = 256
MAX_COUNTED_ROWS = 20_000  # when usable rows are counted
ROW_LIST_KEYS = ("prompts", "rows", "examples", "data")  # keys of JSON files whose value is the list of rows
TASK_FILE_SUFFIXES = (".csv", ".jsonl", ".json")
LocatedRows = Iterator[tuple[str, FileRow | UnusablePairError]]


class UnusableRowsError(InputError):
    """Some rows of a file can be used and others cannot, so that a person decides whether to leave those out.

    Args:
        first_error: The error of the first unusable row.
        name: Name of the file.
        usable: Number of rows that can be used.
        reasons: Number of unusable rows by reason.
        is_complete: Whether every row of the file was counted.
    """

    def __init__(
        self,
        first_error: UnusablePairError,
        name: str,
        usable: int,
        reasons: Mapping[str, int],
        is_complete: bool,
    ) -> None:
        self.first_error, self.name, self.usable, self.is_complete = (
            str(first_error),
            name,
            usable,
            is_complete,
        )
        self.reasons = dict(reasons)
        self.total = usable + sum(reasons.values())
        if usable:
            end = f"{self.summary} Leave the others out (--skip-unusable), or correct the file."
        else:
            of = f"{self.total:,}" if is_complete else f"first {self.total:,}"
            end = f"None of the {of} pairs can be used: {count_reasons(reasons)}."
        super().__init__(f"{first_error} {end}" if self.total > 1 else str(first_error))

    @property
    def summary(self) -> str:
        """How many pairs can be used, with the reasons counted."""
        of = f"{self.total:,}" if self.is_complete else f"the first {self.total:,}"
        return f"{self.usable:,} of {of} pairs can be used; the others cannot: {count_reasons(self.reasons)}."


@dataclass
class TaskRows:
    """The pairs read from a file.

    Attributes:
        pairs: The pairs.
        encoded: Their token ids.
        metric: The metric that the columns imply.
        left_out: Number of rows left out, by reason.
    """

    pairs: list[PromptPair] = field(default_factory=list)
    encoded: list[EncodedPair] = field(default_factory=list)
    metric: str = DEFAULT_METRIC
    left_out: Counter[str] = field(default_factory=Counter)


def is_task_file(name: str) -> bool:
    """Whether a task's name is meant as a file."""
    return name.lower().endswith(TASK_FILE_SUFFIXES)


def count_reasons(reasons: Mapping[str, int]) -> str:
    """Reasons with the number of rows that they exclude, the most frequent first.

    >>> count_reasons({"an answer is not one token": 2, "a column is missing": 5})
    '5 (a column is missing), 2 (an answer is not one token)'
    """
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    return ", ".join(f"{number:,} ({reason})" for reason, number in ordered)


def read_task_rows(
    name: str, tokens: PromptTokenizer, prompts: int, bos: bool | None = None, skip_unusable: bool = False
) -> TaskRows:
    """Read pairs from a file until there are enough.

    ``tasks.row_layouts`` lists the columns that are understood. Without ``skip_unusable``, the first unusable
    row leads to an error that counts the usable ones.

    Args:
        name: Path of the file.
        tokens: The tokenizer.
        prompts: The most pairs that are read.
        bos: False to leave out the beginning-of-sequence token.
        skip_unusable: Leave out rows that cannot be used.

    Raises:
        UnusableRowsError: A row cannot be used and is not to be left out, or no row can be used.
        InputError: The file cannot be read as a task.
    """
    path = Path(name)
    reader = RowReader(tokens)
    task_rows = TaskRows()
    metrics: set[str] = set()
    first_error: UnusablePairError | None = None
    usable = n_read = 0
    is_complete = True
    for place, row in _locate_rows(path):
        is_counting = first_error is not None and not skip_unusable
        if (not is_counting and len(task_rows.pairs) >= prompts) or (
            is_counting and n_read >= MAX_COUNTED_ROWS
        ):
            is_complete = False
            break
        n_read += 1
        try:
            if isinstance(row, UnusablePairError):
                raise row
            pair, metric = reader.read_pair(place, row)
            encoded = encode_pair(pair, tokens, bos, place)
        except UnusablePairError as error:
            first_error = first_error or error
            task_rows.left_out[error.reason] += 1
            continue
        usable += 1
        if len(task_rows.pairs) < prompts:
            task_rows.pairs.append(pair)
            task_rows.encoded.append(encoded)
            metrics.add(metric if pair.incorrect else "log-prob")
    if first_error is not None and (not skip_unusable or not usable):
        raise UnusableRowsError(first_error, path.name, usable, task_rows.left_out, is_complete)
    if not usable:
        raise InputError(
            f"The task file '{path.name}' holds no prompts; it needs a line for each pair, with "
            f"{', '.join(TASK_COLUMNS)}."
        )
    task_rows.metric = next(iter(metrics)) if len(metrics) == 1 else "log-prob"
    return task_rows


def needs_tokenizer(name: str) -> bool:
    """Whether the answers of a task file can be written as text only with a tokenizer.

    Raises:
        InputError: The file cannot be read as a task.
    """
    for _, row in _locate_rows(Path(name)):
        layout = None if isinstance(row, UnusablePairError) else find_row_layout(row)
        if layout is not None:
            return layout.needs_tokenizer
    return False


def read_pairs(name: str, tokens: PromptTokenizer | None, max_rows: int) -> tuple[list[PromptPair], int]:
    """The pairs of a task file, whether or not a tokenizer can use them.

    Args:
        name: Path of the file.
        tokens: The tokenizer; None where the file does not need one (``needs_tokenizer``).
        max_rows: The most pairs that are read.

    Returns:
        The pairs, and how many rows are none.

    Raises:
        InputError: The file cannot be read as a task.
    """
    reader, n_unreadable = RowReader(tokens), 0
    pairs: list[PromptPair] = []
    for place, row in _locate_rows(Path(name)):
        if len(pairs) >= max_rows:
            break
        try:
            if isinstance(row, UnusablePairError):
                raise row
            pairs.append(reader.read_pair(place, row)[0])
        except UnusablePairError:
            n_unreadable += 1
    return pairs, n_unreadable


def _locate_rows(path: Path) -> LocatedRows:
    """Each row with its place (``ioi.csv line 3``); what is not a row comes as its error."""
    text = _read_text(path)
    kind = path.suffix.lower()
    if kind == ".csv":
        yield from _csv_rows(path, text)
    elif kind == ".json" and (rows := _json_rows(path, text)) is not None:
        for number, row in enumerate(rows, start=1):
            place = f"{path.name} row {number}"
            inner = row.get("row") if isinstance(row, dict) and isinstance(row.get("row"), dict) else row
            yield place, _check_row(place, inner)
    else:
        yield from _jsonl_rows(path, text)


def _read_text(path: Path) -> str:
    try:
        path = path.expanduser()
        if not path.is_file():
            if path.exists():
                raise InputError(f"'{path}' is not a task file; CSV, JSON or JSONL would be right.")
            raise FileNotFoundError
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                f"The task file '{path.name}' has {size / 2**20:.0f} MB; at most "
                f"{MAX_FILE_BYTES // 2**20} MB are read. Give a sample: a few hundred pairs are plenty."
            )
        if size == 0:
            raise InputError(
                f"The task file '{path.name}' is empty; it needs a header line with "
                f"{', '.join(TASK_COLUMNS)} and a line for each pair."
            )
        return path.read_bytes().decode("utf-8-sig")
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"The task file '{path.name}' is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None
    except FileNotFoundError:
        raise InputError(
            f"There is no task file '{path}'; check the path, or name a built-in task."
        ) from None
    except (OSError, RuntimeError, ValueError) as error:  # also for names that no file can have
        problem = getattr(error, "strerror", None) or error
        raise InputError(f"The task file '{str(path)[:200]}' cannot be read: {problem}.") from None


def _csv_rows(path: Path, text: str) -> LocatedRows:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(header) > MAX_COLUMNS:
            raise InputError(
                f"The task file '{path.name}' has {len(header):,} columns; give those of a task."
            )
        if find_row_layout(header) is None:
            raise InputError(f"{path.name}: {describe_missing_columns(header)}")
        if duplicates := [name for name in {*header} if name and header.count(name) > 1]:
            raise InputError(
                f"{path.name}: the column '{min(duplicates)[:40]}' is there twice; "
                "which one is meant cannot be told."
            )
        for row in reader:
            if not row:
                continue
            place = f"{path.name} line {reader.line_num}"
            if len(row) != len(header):
                yield (
                    place,
                    UnusablePairError(
                        f"{place}: it has another number of fields than the header's {len(header)}; "
                        "put quotes around text that holds a comma.",
                        "a line has another number of fields than the header",
                    ),
                )
                continue
            yield place, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}: this is not CSV ({error}).") from None


def _jsonl_rows(path: Path, text: str) -> LocatedRows:
    """Rows of a JSONL file.

    Only a line feed ends a line: U+2028, U+2029 and U+0085 may stand in JSON strings.
    """
    for number, line in enumerate(io.StringIO(text, newline="\n"), start=1):
        if not line.strip():
            continue
        place = f"{path.name} line {number}"
        try:
            row = _check_row(place, _parse_bounded_json(place, line))
        except InputError:
            raise
        except (ValueError, RecursionError):
            yield (
                place,
                UnusablePairError(
                    f"{place}: this is not JSON; each line is one object with {', '.join(TASK_COLUMNS)}.",
                    "a line is not JSON",
                ),
            )
        else:
            yield place, row


def _json_rows(path: Path, text: str) -> list[Any] | None:
    """The rows of a JSON file: an array, or an object that holds one; None where it is lines of JSON."""
    if len(text) > MAX_JSON_CHARS:
        raise InputError(
            f"The task file '{path.name}' is JSON of {len(text) / 2**20:.0f} million characters; at most "
            f"{MAX_JSON_CHARS // 2**20} are read. Give a sample, or lines of JSON (.jsonl)."
        )
    try:
        data = _parse_bounded_json(path.name, text)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            return None
        is_too_deep = isinstance(error, RecursionError)
        problem = "is nested too deeply" if is_too_deep else f"is not JSON: {str(error)[:200]}"
        raise InputError(f"The task file '{path.name}' {problem}.") from None
    if isinstance(data, dict) and find_row_layout(data) is not None:
        return [data]
    if isinstance(data, dict):
        data = next((data[key] for key in ROW_LIST_KEYS if isinstance(data.get(key), list)), None)
    if not isinstance(data, list):
        raise InputError(
            f"The task file '{path.name}' holds no list of pairs; an array of objects with "
            f"{', '.join(TASK_COLUMNS)}, or an object that holds it as 'prompts', would be right."
        )
    return data


def _parse_bounded_json(place: str, text: str) -> Any:
    """Parse JSON.

    Raises:
        InputError: It would become too many objects; raised before it is parsed.
    """
    values = text.count(",") + text.count("[") + text.count("{")
    if values > MAX_JSON_VALUES:
        raise InputError(
            f"{place}: about {values:,} values were given in one piece of JSON; at most {MAX_JSON_VALUES:,} "
            "are read. Give a sample: a few hundred pairs are plenty."
        )
    return json.loads(text)


def _check_row(place: str, row: object) -> FileRow | UnusablePairError:
    if isinstance(row, dict):
        return row
    message = f"{place}: this is not an object with {', '.join(TASK_COLUMNS)}."
    return UnusablePairError(message, "a row is not an object")
