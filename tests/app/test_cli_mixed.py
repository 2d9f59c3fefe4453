"""Circuits mixed of heads and features from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from circuitviz.__main__ import main


@pytest.mark.usefixtures("qapp")  # a picture needs an application, which is the window's in other tests
def test_discover_and_evaluate_a_mixed_circuit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mixed.circuit"
    given = "--method task-attribution --sites a2,m3 --features 8 --steps 1 --prompts 6 --edges 60 --json"
    assert main(["discover", "-m", "demo", "-t", "ioi", *given.split(), "-o", str(path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["method"] == "task-attribution" and found["edges"] == 60
    assert found["options"]["sites"] == "a2,m3"
    assert main(["evaluate", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    metric, value = told["metric"], told["faithfulness"]["value"]
    assert value == pytest.approx(
        (metric["circuit"] - metric["ablated"]) / (metric["model"] - metric["ablated"])
    )
    assert told["faithfulness"]["low"] < value < told["faithfulness"]["high"]
    assert main(["export", str(path), "-o", str(tmp_path / "mixed.svg")]) == 0
    assert "a2.f" in (tmp_path / "mixed.svg").read_text()


def test_a_site_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    given = "discover -m demo -t ioi --method task-attribution --sites b7 --prompts 4"
    assert main(given.split()) == 2
    assert "'b7' is no site" in capsys.readouterr().err
