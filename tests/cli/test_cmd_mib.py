"""``circuitviz mib``: methods, submissions, and what is wrong with either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from circuitviz.__main__ import main

SETTING = ["--prompts", "6", "--random", "2"]


def test_methods_are_measured_exported_and_measured_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(*words: object) -> list[dict[str, Any]]:
        assert main(["mib", *map(str, words), *SETTING, "--json"]) == 0
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rows"]
        return rows

    eap, random = ask("-t", "greater-than", "--methods", "eap")
    assert (eap["method"], eap["model"], eap["sample"], eap["prompts"]) == ("eap", "demo", "held-out", 6)
    assert eap["cpr"]["low"] <= eap["cpr"]["value"] <= eap["cpr"]["high"]
    assert random["method"] == "random" and random["cpr"]["value"] < eap["cpr"]["value"]
    assert [point["share"] for point in eap["points"]] == [
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.05,
        0.1,
        0.2,
        0.5,
        1,
    ]
    (in_sample, _) = ask("-t", "greater-than", "--methods", "eap", "--in-sample", "--export", tmp_path)
    assert (tmp_path / "eap" / "greater-than_demo" / "importances.json").is_file()
    assert in_sample["sample"] == "in-sample"
    (submitted, _) = ask("-t", "greater-than", "--submission", tmp_path / "eap")
    assert submitted["method"] == "eap" and submitted["sample"] == "unknown sample"
    for area in ("cpr", "cmd", "cpr_clipped"):  # of the same prompts and scores
        assert submitted[area]["value"] == pytest.approx(in_sample[area]["value"], abs=1e-6)


def test_the_table_has_a_row_per_method_and_a_column_per_task(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mib", "-t", "ioi", "years=greater-than", "--methods", "eap", "task-attribution", *SETTING]
    assert main(words) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "CPR, held-out, 6 prompts" and lines[1].split()[:3] == ["method", "ioi", "(demo)"]
    assert {"eap", "random"} <= {line.split()[0] for line in lines if line}
    assert "[" in lines[2] and sum(line.startswith("CMD") for line in lines) == 1


def test_a_dry_run_says_what_each_row_takes_and_measures_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["mib", "-t", "ioi", "--methods", "eap", "acdc", "--metric", "kl", "--dry-run", *SETTING]
    assert main([*words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    eap, acdc, random = data["rows"]
    assert eap["seconds"] is None and "no gradient of 'kl'" in eap["error"]
    assert acdc["seconds"] > random["seconds"] > 0 and acdc["is_upper_bound"]
    assert data["seconds"] == pytest.approx(acdc["seconds"] + random["seconds"])
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("eap, ioi (demo): The method 'eap' has no gradient of 'kl'")
    assert lines[1].startswith("acdc, ioi (demo): at most ") and lines[3].endswith("(an estimate)")


def test_wrong_names_and_folders_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in (
        (["--methods", "eapp"], "eap"),
        (["--submission", str(tmp_path)], "TASK_MODEL"),
        (["-t", "ioi", "--prompts", "0"], "0 prompts"),
        (["--random", "-1"], "--random was given -1"),
    ):
        assert main(["mib", *words]) == 2
        assert told in capsys.readouterr().err
