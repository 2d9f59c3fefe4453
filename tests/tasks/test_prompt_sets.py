"""Own prompts as files: what is written is read as the same task, and a set is a task by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Case
from hypothesis import assume, example, given
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.tasks import load_task
from circuitviz.tasks.prompt_sets import (
    PromptRow,
    check_set_name,
    find_prompt_set,
    format_cells,
    format_csv_rows,
    has_pairs,
    join_answers,
    list_prompt_sets,
    parse_cells,
    prompt_sets_folder,
    save_prompt_set,
    split_answers,
    write_prompt_file,
)

ROWS = (
    PromptRow('So "Mary", said that', 'So "John", said that', " she", " he| Tom"),
    PromptRow("One\nline. So Mary said that", "One\nline. So John said that", " she| Anna", " he"),
)


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def texts(row: PromptRow) -> tuple[object, ...]:
    return row.clean, row.corrupted, split_answers(row.correct), split_answers(row.incorrect)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_written_file_is_the_task_that_was_typed(demo: Case, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    write_prompt_file(path, [*ROWS, PromptRow()])
    task = load_task(str(path), demo.model)
    assert [(p.clean, p.corrupted, p.correct, p.incorrect) for p in task.pairs] == [texts(r) for r in ROWS]
    assert task.metric == "logit-diff"


def test_a_set_is_a_task_by_its_name(demo: Case) -> None:
    assert list_prompt_sets() == [] and find_prompt_set("pronouns of mine") is None
    path = save_prompt_set("pronouns of mine", ROWS)
    assert list_prompt_sets() == ["pronouns of mine"] and find_prompt_set("pronouns of mine") == path
    task = load_task("pronouns of mine", demo.model)
    assert task.name == "pronouns of mine" and len(task) == 2
    with pytest.raises(InputError, match="There is no task 'pronouns'"):
        load_task("pronouns", demo.model)


def test_a_built_in_task_is_never_hidden_by_a_set(demo: Case) -> None:
    save_prompt_set("ioi", ROWS)
    assert load_task("ioi", demo.model, prompts=4).pairs[0].clean != ROWS[0].clean


def test_nothing_is_written_without_prompts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prompts"):
        write_prompt_file(tmp_path / "a.csv", [PromptRow()])
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("", "no name"),
        ("ioi", "built-in"),
        ("a/b", "'/'"),
        ("..", "'.'"),
        ("a.csv", "a file"),
        ("a.TOML", "a file"),
        ("x" * 200, "200"),
    ],
)
def test_names_that_no_set_can_have_are_refused(name: str, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        check_set_name(name, ["ioi"])


def test_a_name_loses_the_spaces_around_it() -> None:
    assert check_set_name("  capital cities ", ["ioi"]) == "capital cities"


cell = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@given(st.lists(st.builds(PromptRow, cell, cell, cell, cell), min_size=1, max_size=4))
def test_cells_that_are_copied_and_pasted_stay_the_same(rows: list[PromptRow]) -> None:
    for delimiter, has_header in (("\t", False), (",", True), ("\t", True)):
        if not has_header and {row.clean.strip().lower() for row in rows[:1]} & {"clean"}:
            continue
        pasted = parse_cells(format_csv_rows(rows, delimiter, has_header))
        assert [tuple(line) for line in pasted] == [row.texts for row in rows]


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(cell, min_size=n, max_size=n), min_size=1, max_size=4)
    )
)
@example([['"so"']])
@example([["one\ntwo"], ["three"]])
@example([['"', 'a"b']])
@example([[" x"], [""]])
def test_cells_of_any_columns_stay_the_same(cells: list[list[str]]) -> None:
    assume(not any("clean" in text.lower() for text in cells[0]))
    assume(any(any(line) for line in cells))
    assert parse_cells(format_cells(cells)) == cells


def test_quotes_that_a_person_wrote_stay() -> None:
    assert parse_cells('"Mary", she said\n"So"\n') == [['"Mary", she said'], ['"So"']]


def test_a_cell_that_is_too_long_for_csv_is_pasted() -> None:
    long = "a" * 200_000
    assert parse_cells(f'"{long}"\tb\nc\td\n') == [[f'"{long}"', "b"], ["c", "d"]]
    assert parse_cells(f'clean,correct\n"{long}", x\n')[0][2] == " x"


def test_a_column_of_lines_is_pasted_as_one_column() -> None:
    assert parse_cells("a, b\nc\n") == [["a, b"], ["c"]]
    assert parse_cells("only this") == [["only this"]]


@given(st.lists(st.text(min_size=1, max_size=5).filter(lambda t: "|" not in t), max_size=4))
def test_answers_of_a_cell(answers: list[str]) -> None:
    assert split_answers(join_answers(answers)) == tuple(answers)


def test_a_set_is_known_by_the_pairs_of_a_search_on_it() -> None:
    rows = [PromptRow(f"clean {i}", f"corrupted\u2028 {i}", " a| b", " c") for i in range(4)]
    pairs = [(row.clean, row.corrupted, (" a", " b"), (" c",)) for row in rows]
    save_prompt_set("known", rows)
    assert has_pairs("known", pairs) and has_pairs("known", pairs[:2])
    assert not has_pairs("known", pairs[1:]) and has_pairs("known", pairs[1:], is_left_out=True)
    assert not has_pairs("known", pairs[::-1], is_left_out=True) and not has_pairs("known", [])
    assert not has_pairs("unknown", pairs)
    named = [replace(row, spans=(("word", 0, 5),)) for row in rows]
    save_prompt_set("named", named)
    with_spans = [(*pair, (("word", 0, 5),)) for pair in pairs]
    assert has_pairs("named", pairs) and has_pairs("named", with_spans, has_spans=True)
    assert not has_pairs("named", pairs, has_spans=True)
    path = prompt_sets_folder() / "known.jsonl"
    path.write_text('{"clean": 1}\n[')
    assert not has_pairs("known", pairs)
