"""The results of a sweep as one table for other programs, and as tables and curves for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from circuitviz.document.curve_areas import AREA_TITLES
from circuitviz.errors import InputError
from circuitviz.formats.csv_cells import format_csv
from circuitviz.formats.file_io import write_atomically
from circuitviz.sweeps.cell import SweepCell
from circuitviz.sweeps.cell_result import CellResult
from circuitviz.sweeps.run_sweep import FinishedCell

TABLE_SUFFIXES = (".csv", ".json", ".parquet")
POINT_COLUMNS = ("size", "asked", "edges", "weighted_edges", "value", "low", "high")


def table_rows(finished: Sequence[FinishedCell]) -> list[dict[str, Any]]:
    """Return a row for each cell and size; of a cell without numbers one, with the reason.

    All rows have the same columns. ``value``, ``low`` and ``high`` are faithfulness and its 95 % interval, of
    random rankings the range of 95 % of the draws; areas belong to the cell and stand in each of its rows.
    """
    rows = []
    for cell, result in finished:
        shared = {
            "model": cell.model_label,
            "task": cell.task.label,
            "method": cell.method.label,
            "ablation": cell.ablation,
            "seed": cell.seed,
            "metric": result.metric or cell.metric,
            "dtype": cell.dtype,
            "select": result.select or cell.select,
            "prompts": cell.prompts,
            "search_prompts": cell.search_prompts,
            "sample": result.sample,
            "status": result.status,
            "reason": result.reason,
            "n_edges": result.n_edges,
        }
        areas: dict[str, Any] = {}
        for name in AREA_TITLES:
            area = result.areas.get(name, {})
            areas |= {name: area.get("value")} | {f"{name}_{end}": area.get(end) for end in ("low", "high")}
        costs = {
            "search_s": result.search_s,
            "search_processor_s": result.search_processor_s,
            "judge_s": result.judge_s,
            "weight_hash": result.weight_hash,
            "machine": result.machine,
            "circuitviz": result.versions.get("circuitviz", ""),
            "finished": result.finished,
            "cell": result.digest,
        }
        for point in result.points or [{}]:
            rows.append({**shared, **{name: point.get(name) for name in POINT_COLUMNS}, **areas, **costs})
    return rows


def write_table(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows as CSV, JSON or Parquet, as the suffix says; whole or not at all.

    Raises:
        InputError: The suffix is another, the path cannot be written, or Parquet needs a package that is
        missing.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        data = format_csv([list(rows[0]), *(row.values() for row in rows)] if rows else []).encode()
    elif suffix == ".json":
        data = json.dumps(list(rows), indent=1, ensure_ascii=False).encode()
    elif suffix == ".parquet":
        data = _to_parquet(rows, path)
    else:
        raise InputError(
            f"'{path.name}' has no suffix of a table; {', '.join(TABLE_SUFFIXES)} would be right."
        )
    write_atomically(path, data)


def _to_parquet(rows: Sequence[dict[str, Any]], path: Path) -> bytes:
    try:
        from pyarrow import BufferOutputStream, Table, parquet  # a third of a second, for this format alone
    except ImportError:
        raise InputError(
            f"'{path.name}' cannot be written: Parquet needs pyarrow, which is not installed. "
            "'pip install pyarrow' installs it; .csv and .json need nothing."
        ) from None
    sink = BufferOutputStream()
    parquet.write_table(Table.from_pylist(list(rows)), sink)
    return bytes(sink.getvalue())


def markdown_tables(finished: Sequence[FinishedCell]) -> str:
    """Return a table for each area and model: a row for each method, a column for each task.

    Settings that differ within a model (ablation, seed, precision) are told in the columns' heads. What has
    no area, because not all edges were scored or sizes are others, shows its largest circuit.
    """
    lines: list[str] = []
    for model in dict.fromkeys(cell.model_label for cell, _ in finished):
        here = [(cell, result) for cell, result in finished if cell.model_label == model]
        describe = _column_describer([cell for cell, _ in here])
        columns = list(dict.fromkeys(describe(cell) for cell, _ in here))
        names = list(dict.fromkeys(cell.method.label for cell, _ in here))
        by_place = {(cell.method.label, describe(cell)): result for cell, result in here}
        has_areas = [area for area in AREA_TITLES if any(area in result.areas for _, result in here)]
        for area in has_areas or [""]:
            title = AREA_TITLES[area] if area else "Faithfulness of the largest circuit"
            lines += ["", f"### {model}: {title}", ""]
            lines += _table_lines(["method", *columns], [
                [name, *(_cell_text(by_place.get((name, column)), area) for column in columns)]
                for name in names
            ])  # fmt: skip
    reasons = [
        f"- {cell.text}: {result.status}: {result.reason}"
        for cell, result in finished
        if result.status != "done"
    ]
    if reasons:
        lines += ["", "### Without numbers", "", *reasons]
    return "\n".join(lines).strip() + "\n"


def curve_charts(finished: Sequence[FinishedCell]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a name and the result of the chart ``sweep-curves`` for each model, task and setting."""
    describe = _column_describer([cell for cell, _ in finished])
    groups: dict[str, list[FinishedCell]] = {}
    for cell, result in finished:
        if result.points:
            groups.setdefault(f"{cell.model_label}, {describe(cell)}", []).append((cell, result))
    for name, group in groups.items():
        lines = [{"label": cell.method.label, "points": result.points} for cell, result in group]
        yield name, {"lines": lines}


def _column_describer(cells: Sequence[SweepCell]) -> Any:
    """A function that names a cell's task and those of its settings that are not the same in all cells."""
    settings = {
        "ablation": "{}",
        "seed": "seed {}",
        "dtype": "{}",
        "metric": "{}",
        "prompts": "{} prompts",
        "search_prompts": "{} search prompts",
        "select": "{}",
    }
    differing = {
        name: text for name, text in settings.items() if len({getattr(cell, name) for cell in cells}) > 1
    }

    def describe(cell: SweepCell) -> str:
        told = (
            text.format(getattr(cell, name)) for name, text in differing.items() if getattr(cell, name) != ""
        )
        return ", ".join([cell.task.label, *told])

    return describe


def _cell_text(result: CellResult | None, area: str) -> str:
    if result is None:
        return "–"
    if result.status != "done":
        return result.status
    if area and area in result.areas:
        return _interval_text(result.areas[area])
    if not result.points:
        return "–"
    last = result.points[-1]
    return f"{last['edges']:,} edges: {_interval_text(last)}"


def _interval_text(interval: dict[str, Any]) -> str:
    if interval["value"] is None:
        return "undefined"
    if interval["low"] is None:
        return f"{interval['value']:.3f}"
    return f"{interval['value']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in cells]
