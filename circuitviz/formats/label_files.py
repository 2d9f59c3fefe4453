"""Labels leave and come as files of their own, because people keep and share them apart from circuits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.cells import csv_text, repeated, unprotected
from circuitviz.formats.disk import parse_json, read_bytes, write_whole
from circuitviz.formats.label_rows import COLUMNS, OWN, label_of, place_of, row_of
from circuitviz.graph import Graph
from circuitviz.session import Label, State
from circuitviz.session.labels import known

SUFFIXES = (".jsonl", ".csv")
LARGEST = 64 * 2**20


def write_labels(state: State, path: Path) -> int:
    """Write all labels as ``.jsonl`` or ``.csv`` by the path's suffix; returns how many there were."""
    graph = state.circuit.graph if state.circuit else None
    rows = [row_of(target, label, graph) for target, label in sorted(state.labels.items())]
    if not rows:
        raise InputError("There is no label to export yet; label some nodes first.")
    write_whole(path, (_csv(rows) if _suffix(path) == ".csv" else _jsonl(rows)).encode())
    return len(rows)


def read_labels(path: Path, graph: Graph) -> tuple[dict[str, Label], list[str]]:
    """Labels by target, and the names in the file that this model's graph does not have.

    Component and layer are read together: a feature of the residual stream is no head and no MLP.

    Raises InputError with the line where a row is no label.
    """
    labels: dict[str, Label] = {}
    foreign = []
    for place, row in _rows(path):
        if elsewhere := place_of(row):
            foreign.append(elsewhere)
            continue
        try:
            target, label = label_of(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            ours = isinstance(error, InputError)
            what = str(error).rstrip(".") if ours else f"its evidence is damaged ({error!r})"
            raise InputError(f"{place}: {what}.") from None
        if known(graph, target):
            labels[target] = label
        else:
            foreign.append(target)
    if not labels and not foreign:
        raise InputError(f"'{path.name}' holds no labels; it needs {', '.join(COLUMNS)} on each line.")
    return labels, foreign


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"'{path.name}' was given for labels; they are kept as {' or '.join(SUFFIXES)}.")
    return suffix


def _jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: list[dict[str, Any]]) -> str:
    """Evidence as JSON in its cell, so that nothing is lost; what is unknown is an empty cell."""
    names = [*COLUMNS, *OWN, *sorted({k for row in rows for k in row} - {*COLUMNS, *OWN})]
    return csv_text([names, *([_cell(row.get(name)) for name in names] for row in rows)])


def _cell(value: Any) -> str:
    if value is None or value == []:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    suffix, data = _suffix(path), read_bytes(path, LARGEST)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"'{path.name}' is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    if suffix == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                place = f"{path.name} line {number}"
                row = parse_json(place, line.encode())
                if not isinstance(row, dict):
                    raise InputError(f"{place}: this is no object with {', '.join(COLUMNS)}.")
                yield place, row
        return
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        if twice := repeated(reader.fieldnames or ()):
            raise InputError(f"'{path.name}': {twice}.")
        for row in reader:
            place = f"{path.name} line {reader.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{place}: it has another number of fields than the header.")
            yield place, {k: _value(place, k, unprotected(v)) for k, v in row.items()}
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num}: this is not CSV ({error}).") from None


def _value(place: str, name: str, text: str) -> Any:
    if name == "Evidence":
        return parse_json(place, text.encode()) if text else []
    return text
