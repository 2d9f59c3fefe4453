"""``circuitviz steer``: what it prints, what it records in a file, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from circuitviz.__main__ import main
from circuitviz.document import Document, PromptOrigin, State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.formats import open_document, save_document

PROMPT = "When Mary and John went to the store, John gave a drink to"


def steer(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["steer", *map(str, argv)])
    return code, *capsys.readouterr()


def test_strengths_give_a_text_each(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ("-m", "demo", "-p", PROMPT, "--node", "m2.f12", "--node", "a1.h2", "--add")
    code, out, err = steer(capsys, *shown, "--strengths=-4,0", "--tokens", 3, "--json")
    assert code == 0, err
    data = json.loads(out)
    assert [(one["strength"], one["plain"]) for one in data["texts"]] == [
        (None, True),
        (-4.0, False),
        (0.0, False),
    ]
    assert data["texts"][0]["tokens"] == data["texts"][2]["tokens"] != data["texts"][1]["tokens"]
    assert data["query"]["changes"] == {"m2.f12": ["add", 1.0, []], "a1.h2": ["add", 1.0, []]}
    code, out, _ = steer(capsys, *shown, 3, "--tokens", 2, "--positions=-1", "--table")
    assert code == 0 and "steered" in out and "steered,1," in out and "plain,0, Mary," in out


def test_a_file_gives_model_and_prompt_and_records_the_texts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, target = tmp_path / "one.circuit", tmp_path / "steered.circuit"
    origin = PromptOrigin(AttributionQuery("demo", PROMPT, " Mary"))
    save_document(Document(State(origin)), source)
    argv = (source, "--node", "resid2", "--toward", " Mary", "--away", " John", "--set", 2, "--tokens", 2)
    code, out, err = steer(capsys, *argv, "--temperature", 0.7, "--seed", 5, "-o", target)
    assert code == 0 and f"wrote {target}" in err
    (result,) = open_document(target).state.steering
    assert result.query.prompt == PROMPT and result.query.directions == {"resid2": (" Mary", " John")}
    assert (result.query.temperature, result.query.seed, result.query.max_tokens) == (0.7, 5, 2)
    assert all(repr(one.text) in out for one in result.continuations)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--node", "m2.f12", "--add", "3", "--prompt", "x"], "no model to steer"),
        (["-m", "demo", "--node", "m2.f12", "--add", "3"], "no prompt to steer"),
        (["-m", "demo", "-p", "x", "--add", "3"], "--node m2.f12 would be right"),
        (["-m", "demo", "-p", "x", "--node", "m2.f12"], "ne of the arguments --scale"),
        (["-m", "demo", "-p", "x", "--node", "m2.f12", "--add"], "--add --strengths 0,2,4"),
        (["-m", "demo", "-p", "x", "--node", "m1", "--add", "3", "--strengths", "1"], "takes one strength"),
        (["-m", "demo", "-p", "x", "--node", "m1", "--zero", "--strengths", "1"], "which has none"),
        (["-m", "demo", "-p", "x", "--node", "m1", "--add", "--strengths", "1,x"], "'x' is no strength"),
        (["-m", "demo", "-p", "x", "--node", "m1", "--zero", "--toward", "y"], "belong together"),
        (
            ["-m", "demo", "-p", "x", "--node", "m1", "--zero", "--toward", "y", "--away", "z"],
            "--node resid4",
        ),
        (["-m", "demo", "-p", "x", "--node", "m1", "--zero", "-o", "y.circuit"], "name the file"),
    ],
)
def test_what_is_missing_is_said(capsys: pytest.CaptureFixture[str], argv: list[Any], said: str) -> None:
    code, out, err = steer(capsys, *argv)
    assert code == 2 and said in err and not out
