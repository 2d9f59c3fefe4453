"""``circuitviz rivals``: the twin of ``backup`` as a file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from circuitviz.__main__ import main
from circuitviz.formats import open_document


def test_each_rival_becomes_a_file_that_is_as_faithful(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.circuit"
    search = ["discover", "-m", "backup", "-t", "backup", "--ablation", "zero", "--method", "exact"]
    assert main([*search, "--edges", "5", "--prompts", "16", "-o", str(found)]) == 0
    capsys.readouterr()
    assert main(["rivals", str(found), "--number", "1", "-o", str(tmp_path / "rivals"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    rival = tmp_path / "rivals" / "rival-1.circuit"
    circuit = open_document(rival).state.circuit
    assert circuit is not None and [*circuit.edge_names] == data["rivals"][0]
    assert main(["evaluate", str(rival), "--json", "--no-random"]) == 0
    measured = json.loads(capsys.readouterr().out)["faithfulness"]["value"]
    assert measured == pytest.approx(data["faithfulness"][1]["value"]) == pytest.approx(1.0, abs=0.02)
    assert main(["rivals", str(found), "--overlap", "0.01"]) == 0
    assert "rivals: 0 found" in capsys.readouterr().out


def test_a_circuit_without_scores_has_no_order_in_which_edges_are_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rivals", "backup-zero", "--prompts", "4"]) == 2
    assert "holds no scores" in capsys.readouterr().err
    assert main(["rivals", str(tmp_path / "absent.circuit")]) == 2
