"""The merged table says the same in every format, and people's tables hold every cell."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from circuitviz.errors import InputError
from circuitviz.shapes.charts import build_chart
from circuitviz.sweeps import CellResult, curve_charts, markdown_tables, parse_plan, table_rows, write_table


def made_sweep() -> list[Any]:
    """Three methods on two tasks, of which one is refused and one has a single circuit."""
    plan = parse_plan({"tasks": ["ioi", "sva"], "methods": ["eap", "gim", "acdc"]}, "p", Path("."))
    finished = []
    for number, cell in enumerate(plan.cells):
        status: Any = "refused" if (cell.task.name, cell.method.name) == ("sva", "gim") else "done"
        point = {"size": 0.1, "asked": 151, "edges": 150 - number, "weighted_edges": 150.0 - number,
                 "value": 0.5 + number / 8, "low": 0.25 if number else None, "high": 1.0 if number else None}  # fmt: skip
        done = status == "done"
        areas = (
            {"cpr": {"value": 0.75, "low": 0.5, "high": 0.875}} if done and cell.method.name != "acdc" else {}
        )
        result = CellResult(
            cell.digest,
            cell.as_dict(),
            status,
            "" if done else "=it does | not suit",
            [point] if done else [],
            areas,
        )
        finished.append((cell, result))
    return finished


def test_every_format_holds_the_same_rows(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = table_rows(made_sweep())
    assert len(rows) == 6 and len({tuple(row) for row in rows}) == 1
    for suffix in (".csv", ".json", ".parquet"):
        write_table(rows, tmp_path / f"t{suffix}")
    assert json.loads((tmp_path / "t.json").read_text()) == rows
    assert parquet.read_table(tmp_path / "t.parquet").to_pylist() == rows
    with (tmp_path / "t.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["edges"] for row in read] == [
        "" if row["edges"] is None else str(row["edges"]) for row in rows
    ]
    assert [float(row["value"] or "nan") for row in read] == pytest.approx(
        [row["value"] if row["value"] is not None else float("nan") for row in rows], nan_ok=True
    )
    assert [row["reason"] for row in read].count("'=it does | not suit") == 1  # no formula of a spreadsheet


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'t.xlsx' has no suffix of a table; .csv, .json, .parquet"):
        write_table([], tmp_path / "t.xlsx")


def test_tables_have_a_row_for_each_method_and_the_reasons_below() -> None:
    text = markdown_tables(made_sweep())
    assert "### demo: CPR" in text and "CMD" not in text
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert rows["method"] == "| method | ioi | sva |"
    assert rows["eap"] == "| eap | 0.750 [0.500, 0.875] | 0.750 [0.500, 0.875] |"
    assert rows["gim"].endswith("| refused |") and rows["acdc"].startswith("| acdc | 148 edges: 0.750")
    assert "- demo, sva, gim, corrupted, seed 0: refused: =it does | not suit" in text


def test_each_task_has_a_figure_with_a_line_for_each_method() -> None:
    figures = dict(curve_charts(made_sweep()))
    assert list(figures) == ["demo, ioi", "demo, sva"]
    chart = build_chart("sweep-curves", figures["demo, sva"])
    assert [row[0] for row in chart.table_rows[1:]] == ["eap", "acdc"]
    assert {entry.label for entry in chart.legend_entries} == {"eap", "acdc"}
