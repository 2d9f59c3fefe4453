"""Reading and writing of labels as separate files, which people keep and share apart from circuits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from circuitviz.document import Label, State
from circuitviz.document.labels import is_valid_target
from circuitviz.errors import InputError
from circuitviz.formats.csv_cells import describe_repeated_column, format_csv, unescape_formula
from circuitviz.formats.file_io import parse_json, read_bytes, write_atomically
from circuitviz.formats.label_rows import (
    FEATURE_CIRCUITS_COLUMNS,
    OWN_COLUMNS,
    label_to_row,
    row_to_label,
    unsupported_component,
)
from circuitviz.graph import Graph

LABEL_SUFFIXES = (".jsonl", ".csv")
MAX_FILE_BYTES = 64 * 2**20


def write_labels(state: State, path: Path) -> int:
    """Write all labels as ``.jsonl`` or ``.csv``, by the path's suffix.

    Returns:
        The number of labels.

    Raises:
        InputError: There are no labels, or the path cannot be written.
    """
    graph = state.circuit.graph if state.circuit else None
    rows = [label_to_row(target, label, graph) for target, label in sorted(state.labels.items())]
    if not rows:
        raise InputError("There is no label to export yet; label some nodes first.")
    write_atomically(
        path, (_format_csv(rows) if _check_suffix(path) == ".csv" else _format_jsonl(rows)).encode()
    )
    return len(rows)


def read_labels(path: Path, graph: Graph) -> tuple[dict[str, Label], list[str]]:
    """Read labels.

    Args:
        path: A ``.jsonl`` or ``.csv`` file.
        graph: The graph that targets are looked up in.

    Returns:
        Labels by target, and the targets in the file that the graph does not have.

    Raises:
        InputError: A row is no label; the message names its line.
    """
    labels: dict[str, Label] = {}
    foreign = []
    for location, row in _read_rows(path):
        if component := unsupported_component(row):
            foreign.append(component)
            continue
        try:
            target, label = row_to_label(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            is_input_error = isinstance(error, InputError)
            problem = str(error).rstrip(".") if is_input_error else f"its evidence is damaged ({error!r})"
            raise InputError(f"{location}: {problem}.") from None
        if is_valid_target(graph, target):
            labels[target] = label
        else:
            foreign.append(target)
    if not labels and not foreign:
        raise InputError(
            f"'{path.name}' holds no labels; it needs {', '.join(FEATURE_CIRCUITS_COLUMNS)} on each line."
        )
    return labels, foreign


def _check_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in LABEL_SUFFIXES:
        raise InputError(
            f"'{path.name}' was given for labels; they are kept as {' or '.join(LABEL_SUFFIXES)}."
        )
    return suffix


def _format_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _format_csv(rows: list[dict[str, Any]]) -> str:
    """Format rows as CSV, with evidence as JSON in its cell."""
    names = [
        *FEATURE_CIRCUITS_COLUMNS,
        *OWN_COLUMNS,
        *sorted({k for row in rows for k in row} - {*FEATURE_CIRCUITS_COLUMNS, *OWN_COLUMNS}),
    ]
    return format_csv([names, *([_format_cell(row.get(name)) for name in names] for row in rows)])


def _format_cell(value: Any) -> str:
    if value is None or value == []:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    suffix, data = _check_suffix(path), read_bytes(path, MAX_FILE_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"'{path.name}' is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    if suffix == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                location = f"{path.name} line {number}"
                row = parse_json(location, line.encode())
                if not isinstance(row, dict):
                    raise InputError(
                        f"{location}: this is no object with {', '.join(FEATURE_CIRCUITS_COLUMNS)}."
                    )
                yield location, row
        return
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        if problem := describe_repeated_column(reader.fieldnames or ()):
            raise InputError(f"'{path.name}': {problem}.")
        for row in reader:
            location = f"{path.name} line {reader.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{location}: it has another number of fields than the header.")
            yield location, {k: _parse_cell(location, k, unescape_formula(v)) for k, v in row.items()}
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}: this is not CSV ({error}).") from None


def _parse_cell(location: str, name: str, text: str) -> Any:
    if name == "Evidence":
        return parse_json(location, text.encode()) if text else []
    return text
