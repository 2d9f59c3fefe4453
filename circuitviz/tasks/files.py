"""Tasks from CSV, JSONL and JSON files; every error names the line and what would be right."""

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
from circuitviz.models import Tokens
from circuitviz.tasks.pairs import Encoded, Pair, UnusablePairError, encode_pair
from circuitviz.tasks.rows import COLUMNS, DEFAULT_METRIC, Row, RowReader, layout_of, missing_columns

LARGEST = 64 * 2**20
LARGEST_JSON = 32 * 2**20  # JSON is parsed whole
MOST_VALUES = 2_000_000  # of JSON: each becomes an object
MOST_COLUMNS = 256
MOST_COUNTED = 20_000  # rows that are looked at to count what can be used
LISTS = ("prompts", "rows", "examples", "data")  # keys of JSON files whose value is the list of rows
SUFFIXES = (".csv", ".jsonl", ".json")
Numbered = Iterator[tuple[str, Row | UnusablePairError]]


class UnusableRowsError(InputError):
    """Some rows of a file can be used and others cannot: the question is whether to leave those out.

    usable, total: numbers of rows; reasons: how many rows there are for each reason; whole: whether every
    row of the file was looked at.
    """

    def __init__(
        self, first: UnusablePairError, name: str, usable: int, reasons: Mapping[str, int], whole: bool
    ) -> None:
        self.first, self.name, self.usable, self.whole = str(first), name, usable, whole
        self.reasons = dict(reasons)
        self.total = usable + sum(reasons.values())
        if usable:
            end = f"{self.count} Leave the others out (--skip-unusable), or mend the file."
        else:
            of = f"{self.total:,}" if whole else f"first {self.total:,}"
            end = f"None of the {of} pairs can be used: {count_reasons(reasons)}."
        super().__init__(f"{first} {end}" if self.total > 1 else str(first))

    @property
    def count(self) -> str:
        """How many pairs can be used, with the reasons counted."""
        of = f"{self.total:,}" if self.whole else f"the first {self.total:,}"
        return f"{self.usable:,} of {of} pairs can be used; the others cannot: {count_reasons(self.reasons)}."


@dataclass
class TaskRows:
    """The pairs taken from a file with their ids, the metric that they imply, and what was left out."""

    pairs: list[Pair] = field(default_factory=list)
    encoded: list[Encoded] = field(default_factory=list)
    metric: str = DEFAULT_METRIC
    left_out: Counter[str] = field(default_factory=Counter)


def is_task_file(name: str) -> bool:
    """Whether a task's name is meant as a file."""
    return name.lower().endswith(SUFFIXES)


def count_reasons(reasons: Mapping[str, int]) -> str:
    """Each reason with the number of rows that it keeps out, the most frequent first.

    >>> count_reasons({"an answer is not one token": 2, "a column is missing": 5})
    '5 (a column is missing), 2 (an answer is not one token)'
    """
    ordered = sorted(reasons.items(), key=lambda item: -item[1])
    return ", ".join(f"{number:,} ({reason})" for reason, number in ordered)


def read_rows(
    name: str, tokens: Tokens, prompts: int, bos: bool | None = None, skip_unusable: bool = False
) -> TaskRows:
    """Read pairs from a file until there are ``prompts`` of them.

    The columns are told by ``circuitviz.tasks.rows``. A row that cannot be used is left out with
    ``skip_unusable``; without, the rest of the file is counted, and UnusableRowsError says how many can be.
    Raises InputError where the file is none, or none of its rows can be used.
    """
    path = Path(name)
    reader = RowReader(tokens)
    found = TaskRows()
    metrics: set[str] = set()
    first: UnusablePairError | None = None
    usable = seen = 0
    whole = True
    for place, row in _numbered(path):
        asking = first is not None and not skip_unusable
        if (not asking and len(found.pairs) >= prompts) or (asking and seen >= MOST_COUNTED):
            whole = False
            break
        seen += 1
        try:
            if isinstance(row, UnusablePairError):
                raise row
            pair, metric = reader.pair(place, row)
            encoded = encode_pair(pair, tokens, bos, place)
        except UnusablePairError as error:
            first = first or error
            found.left_out[error.reason] += 1
            continue
        usable += 1
        if len(found.pairs) < prompts:
            found.pairs.append(pair)
            found.encoded.append(encoded)
            metrics.add(metric if pair.incorrect else "log-prob")
    if first is not None and (not skip_unusable or not usable):
        raise UnusableRowsError(first, path.name, usable, found.left_out, whole)
    if not usable:
        raise InputError(
            f"The task file '{path.name}' holds no prompts; it needs a line for each pair, with "
            f"{', '.join(COLUMNS)}."
        )
    found.metric = next(iter(metrics)) if len(metrics) == 1 else "log-prob"
    return found


def _numbered(path: Path) -> Numbered:
    """Each row with its place (``ioi.csv line 3``); one that is no row comes as its error."""
    text = _read(path)
    kind = path.suffix.lower()
    if kind == ".csv":
        yield from _csv(path, text)
    elif kind == ".json" and (rows := _json(path, text)) is not None:
        for number, row in enumerate(rows, start=1):
            place = f"{path.name} row {number}"
            inner = row.get("row") if isinstance(row, dict) and isinstance(row.get("row"), dict) else row
            yield place, _checked(place, inner)
    else:
        yield from _jsonl(path, text)


def _read(path: Path) -> str:
    try:
        path = path.expanduser()
        if not path.is_file():
            if path.exists():
                raise InputError(f"'{path}' is no file of a task; CSV, JSON or JSONL would be right.")
            raise FileNotFoundError
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
    except (OSError, RuntimeError, ValueError) as error:  # also a name that no file can have
        what = getattr(error, "strerror", None) or error
        raise InputError(f"The task file '{str(path)[:200]}' cannot be read: {what}.") from None


def _csv(path: Path, text: str) -> Numbered:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(header) > MOST_COLUMNS:
            raise InputError(
                f"The task file '{path.name}' has {len(header):,} columns; give those of a task."
            )
        if layout_of(header) is None:
            raise InputError(f"{path.name}: {missing_columns(header)}")
        if twice := [name for name in {*header} if name and header.count(name) > 1]:
            raise InputError(
                f"{path.name}: the column '{min(twice)[:40]}' is there twice; "
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


def _jsonl(path: Path, text: str) -> Numbered:
    """Lines end at a line feed alone: U+2028, U+2029 and U+0085 are ordinary characters of JSON's strings."""
    for number, line in enumerate(io.StringIO(text, newline="\n"), start=1):
        if not line.strip():
            continue
        place = f"{path.name} line {number}"
        try:
            row = _checked(place, _parsed(place, line))
        except InputError:
            raise
        except (ValueError, RecursionError):
            yield (
                place,
                UnusablePairError(
                    f"{place}: this is not JSON; each line is one object with {', '.join(COLUMNS)}.",
                    "a line is not JSON",
                ),
            )
        else:
            yield place, row


def _json(path: Path, text: str) -> list[Any] | None:
    """The rows of a JSON file: an array, or an object that holds one; None where it is lines of JSON."""
    if len(text) > LARGEST_JSON:
        raise InputError(
            f"The task file '{path.name}' is JSON of {len(text) / 2**20:.0f} million characters; at most "
            f"{LARGEST_JSON // 2**20} are read. Give a sample, or lines of JSON (.jsonl)."
        )
    try:
        data = _parsed(path.name, text)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
            return None
        deep = isinstance(error, RecursionError)
        what = "is nested too deeply" if deep else f"is not JSON: {str(error)[:200]}"
        raise InputError(f"The task file '{path.name}' {what}.") from None
    if isinstance(data, dict) and layout_of(data) is not None:
        return [data]
    if isinstance(data, dict):
        data = next((data[key] for key in LISTS if isinstance(data.get(key), list)), None)
    if not isinstance(data, list):
        raise InputError(
            f"The task file '{path.name}' holds no list of pairs; an array of objects with "
            f"{', '.join(COLUMNS)}, or an object that holds it as 'prompts', would be right."
        )
    return data


def _parsed(place: str, text: str) -> Any:
    """Parse JSON; InputError before it is parsed where it would become too many objects."""
    values = text.count(",") + text.count("[") + text.count("{")
    if values > MOST_VALUES:
        raise InputError(
            f"{place}: about {values:,} values were given in one piece of JSON; at most {MOST_VALUES:,} "
            "are read. Give a sample: a few hundred pairs are plenty."
        )
    return json.loads(text)


def _checked(place: str, row: object) -> Row | UnusablePairError:
    if isinstance(row, dict):
        return row
    message = f"{place}: this is not an object with {', '.join(COLUMNS)}."
    return UnusablePairError(message, "a row is not an object")
