"""``circuitviz sweep``: a plan's file becomes cells, tables and figures; a dry run computes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from circuitviz.__main__ import main

PLAN = """
tasks = ["ioi", "greater-than"]
methods = ["eap", "gim"]
sizes = [0.02, 0.1]
prompts = 3
search_prompts = 3
"""


def test_a_plan_is_run_once_and_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, table = tmp_path / "two.toml", tmp_path / "merged.json"
    plan.write_text(PLAN)
    assert main(["sweep", str(plan), "--dry-run", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["missing"], {cell["status"] for cell in data["cells"]}) == (4, {"missing"})
    assert not (tmp_path / "two.sweep").exists()
    assert main(["sweep", str(plan), "--table", str(table)]) == 0
    printed = capsys.readouterr()
    folder = tmp_path / "two.sweep"
    assert printed.out.rstrip().endswith("4 of 4 cells done") and f"results in {folder}" in printed.err
    assert len(list((folder / "cells").rglob("*.json"))) == 4 and len(json.loads(table.read_text())) == 8
    assert (folder / "tables.md").read_text() in printed.out and (folder / "results.csv").is_file()
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "demo,-ioi.svg",
        "demo,-greater-than.svg",
    }
    assert all("<svg" in path.read_text() for path in (folder / "figures").iterdir())
    assert main(["sweep", str(plan), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["done"], again["computed"], len(again["rows"])) == (4, 0, 8)
    assert main(["sweep", str(plan), "--dry-run"]) == 0
    assert capsys.readouterr().out.count("done    ") == 4


def test_a_wrong_plan_or_table_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "p.toml"
    plan.write_text('methods = ["nope"]\n')
    for words, said in (
        ([str(plan)], "The plan 'p': there is no method 'nope'"),
        ([str(plan), "--table", "t.xlsx"], "--table was given 't.xlsx'"),
        ([str(tmp_path / "q.toml")], "There is no file"),
    ):
        assert main(["sweep", *words]) == 2
        assert said in capsys.readouterr().err
