"""``circuitviz discover``: rows of a task file that cannot be used, and what a search would cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from task_rows import write_partly_usable_task

from circuitviz.__main__ import main
from circuitviz.formats import open_document
from circuitviz.workbench.methods_text import methods_paragraph


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Three pairs that can be used, and two that cannot."""
    return write_partly_usable_task(tmp_path)


def test_the_command_line_leaves_them_out_when_asked(
    odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.circuit"
    words = ["discover", "-t", str(odd), "--method", "eap", "--edges", "40", "-o", str(out)]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert "line 2" in told and "3 of 5 pairs can be used" in told and "--skip-unusable" in told
    assert main([*words, "--skip-unusable"]) == 0
    assert "3 pairs are used. Left out: 1 (the prompts have different" in capsys.readouterr().err
    document = open_document(out)
    where = document.state.origin
    assert where is not None and len(where.pairs) == 3
    assert "--skip-unusable" in where.command_line()
    assert "2 rows of its file were left out" in methods_paragraph(document)
    assert main(["evaluate", str(out), "-t", str(odd)]) == 2
    assert main(["evaluate", str(out), "-t", str(odd), "--skip-unusable", "--no-random"]) == 0


def test_a_dry_run_says_the_cost_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.circuit"
    words = ["discover", "--dry-run", "--prompts", "4", "-o", str(out)]
    assert main([*words, "--method", "eap-ig"]) == 0
    assert capsys.readouterr().out.startswith("eap-ig: about ")
    seconds = []
    for steps in ("5", "50"):
        assert main([*words, "--method", "eap-ig", "--steps", steps, "--json"]) == 0
        seconds.append(json.loads(capsys.readouterr().out)["seconds"])
    assert seconds[1] > 2 * seconds[0] and not out.exists()
