"""Task files: what is read, and what is told of files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Case

from circuitviz.errors import InputError
from circuitviz.tasks import load_task

ROW = '"So Mary said that","So John said that"," she"," he"\n'
HEAD = "clean,corrupted,correct,incorrect\n"


def test_csv_and_jsonl_give_the_same_task(demo: Case, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text(HEAD + ROW + '"Mary and John","Mary and Paul"," went| got",""\n')
    lines = tmp_path / "pairs.jsonl"
    rows = [
        {
            "clean": "So Mary said that",
            "corrupted": "So John said that",
            "correct": [" she"],
            "incorrect": " he",
        },
        {
            "clean": "Mary and John",
            "corrupted": "Mary and Paul",
            "correct": [" went", " got"],
            "incorrect": [],
        },
    ]
    lines.write_text("\n".join(map(json.dumps, rows)) + "\n")
    one, two = (load_task(str(p), demo.model) for p in (table, lines))
    assert one.pairs == two.pairs and one.hash == two.hash
    assert one.pairs[1].correct == (" went", " got") and not one.two_sided


def test_eap_igs_columns_are_indices(demo: Case, tmp_path: Path) -> None:
    tokens = demo.model.tokens
    she, he = tokens.answer_id("So", " she"), tokens.answer_id("So", " he")
    table = tmp_path / "eap.csv"
    table.write_text(
        f'clean,corrupted,correct_idx,incorrect_idx\nSo Mary said that,So John said that,{she},"[{he}]"\n'
    )
    task = load_task(str(table), demo.model)
    assert task.correct.tolist() == [[she]] and task.incorrect.tolist() == [[he]]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "clean,correct\nx,y\n", "a.csv: the column 'corrupted' is missing"),
        (
            "a.csv",
            "clean,corrupted,correct,incorrect,correct\na,b,c,d,e\n",
            "column 'correct' is there twice",
        ),
        (
            "a.csv",
            HEAD + ROW + "Mary said,So John said that, she, he\n",
            "a.csv line 3: .* has 3 tokens .* 5",
        ),
        ("a.csv", HEAD + "So Mary said that,So John said that, zebras, he\n", "a.csv line 2: .*one token"),
        ("a.csv", HEAD, "holds no prompts"),
        ("a.csv", "", "is empty"),
        ("a.csv", HEAD + "one,two\n", "a.csv line 2: .*number of fields"),
        ("a.jsonl", '{"clean": 1}\n', "is missing"),
        ("a.jsonl", "\n{nonsense\n", "a.jsonl line 2: this is not JSON"),
        ("a.jsonl", "[1]\n", "not an object"),
        ("a.jsonl", '{"clean": "a", "corrupted": "b", "correct": 3}', "must be text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    demo: Case, tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=says) as error:
        load_task(str(path), demo.model)
    assert "\n" not in str(error.value)


def test_files_that_are_no_text_or_too_large(demo: Case, tmp_path: Path) -> None:
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"\xff\xfe\x00clean")
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(100 * 2**20)
    for path, says in ((binary, "not UTF-8"), (large, "100 MB"), (tmp_path / "no.csv", "There is no")):
        with pytest.raises(InputError, match=says):
            load_task(str(path), demo.model)
