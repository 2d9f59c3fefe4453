"""Task files of every tool: ids stay ids, rows are read by their columns, odd rows are counted or left out."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Case, make_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_path import DEMO
from transformers import AutoTokenizer

from circuitviz.discovery import make_setting
from circuitviz.document import Document, State, TaskOrigin
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document
from circuitviz.tasks import UnusableRowsError, load_task
from circuitviz.workbench.record_origin import rebuild_task, select_circuit

CLEAN, CORRUPTED = "So Mary said that", "So John said that"
SAME = {"clean": CLEAN, "corrupted": CLEAN}  # as many tokens for every tokenizer
TWO = {"clean": CLEAN, "corrupted": CORRUPTED}


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as the path's suffix says."""
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", ["stories", "demo"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_every_id_of_the_vocabulary_is_an_answer(name: str, suffix: str, tmp_path: Path) -> None:
    """Also ids of parts of characters, of special tokens, and of tokens that look alike."""
    model = make_case(name).model
    size = model.tokens.vocabulary_size
    rows = [{**SAME, "correct_idx": i, "incorrect_idx": (i + 1) % size} for i in range(size)]
    task = load_task(str(table(tmp_path / f"all{suffix}", rows)), model, prompts=size)
    assert task.correct[:, 0].tolist() == list(range(size))
    assert task.incorrect[:, 0].tolist() == [*range(1, size), 0]
    assert task.metric == "logit-diff"


def test_ids_survive_saving_and_opening(tmp_path: Path) -> None:
    model = make_case("stories").model
    rows = [{**SAME, "correct_idx": i} for i in range(model.tokens.vocabulary_size)]
    task = load_task(str(table(tmp_path / "all.jsonl", rows)), model, prompts=len(rows))
    from circuitviz.discovery import discover

    few = task.subset(range(0, len(task), 37))
    scores = discover(model, few, "eap")
    state = select_circuit(model, few, scores, few.metric, "corrupted", "top", 20, 0.0)
    save_document(Document(state), tmp_path / "a.circuit")
    where = open_document(tmp_path / "a.circuit").state.origin
    assert where is not None and where.pairs == state.origin.pairs  # type: ignore[union-attr]
    again = rebuild_task(where, model)
    assert again.correct.tolist() == few.correct.tolist() and again.hash == where.task_hash


@pytest.mark.parametrize("answer", [1.5, True, None, [3]])
def test_answers_in_a_document_are_text_or_ids(answer: Any, tmp_path: Path) -> None:
    where = TaskOrigin("demo", "", "t", "", ((CLEAN, CORRUPTED, (answer,), ()),), "log-prob", "zero", "eap")
    save_document(Document(State(where)), tmp_path / "a.circuit")
    with pytest.raises(InputError, match="as an answer"):
        open_document(tmp_path / "a.circuit")


@pytest.mark.parametrize("wrong", [-1, 10**7, 10**400, 1.5, "x", "[1, x]", True, "1.0e400", {}, [[]]])
def test_what_is_no_id_of_the_vocabulary_is_told(demo: Case, wrong: Any, tmp_path: Path) -> None:
    path = table(tmp_path / "a.jsonl", [{**TWO, "correct_idx": wrong}])
    with pytest.raises(InputError, match=r"a\.jsonl line 1: .*(no index|outside)") as told:
        load_task(str(path), demo.model)
    assert len(str(told.value)) < 300


def test_correct_ids_alone_imply_the_log_probability_of_the_set(demo: Case, tmp_path: Path) -> None:
    """EAP-IG's columns with gaps: pandas writes ids as floats and leaves cells empty."""
    path = tmp_path / "a.csv"
    path.write_text(
        f',clean,corrupted,correct_idx\n7,{CLEAN},{CORRUPTED},"[5, 9]"\n8,{CLEAN},{CORRUPTED},3.0\n'
    )
    task = load_task(str(path), demo.model)
    assert task.correct.tolist() == [[5, 9], [3, -1]] and task.metric == "log-prob"
    assert make_setting(demo.model, task).metric == "log-prob"
    path.write_text(
        f"clean,corrupted,correct_idx,incorrect_idx\n{CLEAN},{CORRUPTED},5,\n{CLEAN},{CORRUPTED},3,4\n"
    )
    assert load_task(str(path), demo.model).metric == "log-prob"  # the only one that every row has


@pytest.mark.parametrize("column", ["label", "year"])
def test_greater_than_rows_hold_all_two_digit_years(demo: Case, column: str, tmp_path: Path) -> None:
    """Correct above the start year, incorrect at or below, by the tokenizer itself."""
    starts = (41, 2, 97)
    prompts = [f"The war lasted from the year 17{y:02d} to the year 17" for y in starts]
    rows = [
        {
            "clean": p,
            "corrupted": p.replace(f"17{y:02d}", "1701"),
            column: y if column == "label" else f"17{y:02d}",
        }
        for p, y in zip(prompts, starts, strict=True)
    ]
    task = load_task(str(table(tmp_path / "gt.csv", rows)), demo.model)
    assert task.metric == "prob-diff"
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    for row, (prompt, start) in enumerate(zip(prompts, starts, strict=True)):
        before = tokenizer(prompt)["input_ids"]
        ids = {y: tokenizer(f"{prompt}{y:02d}")["input_ids"][len(before) :] for y in range(100)}
        years = {y: tokens[0] for y, tokens in ids.items() if len(tokens) == 1}
        assert len(years) > 90
        right, wrong = (side[row][side[row] >= 0].tolist() for side in (task.correct, task.incorrect))
        assert right == [years[y] for y in sorted(years) if y > start]
        assert wrong == [years[y] for y in sorted(years) if y <= start]
    with pytest.raises(InputError, match="two-digit years"):
        load_task(str(table(tmp_path / "gt.jsonl", rows)), make_case("stories").model)
    with pytest.raises(InputError, match="later"):
        load_task(str(table(tmp_path / "99.jsonl", [{**rows[0], column: 99}])), demo.model)


CHOICES = {"choices": {"label": ["A", "B"], "text": ["red", "blue"]}}
THEIRS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "ours": ({**TWO, "correct": [" she", " Mary"], "incorrect": [" he"]}, [" she", " Mary"], [" he"]),
    "auto-circuit": ({"clean": CLEAN, "corrupt": CORRUPTED, "answers": [" she"], "wrong_answers": [" he", " John"]}, [" she"], [" he", " John"]),
    "feature-circuits": (
        {"clean_prefix": CLEAN, "patch_prefix": CORRUPTED, "clean_answer": " she", "patch_answer": " he", "case": "x"},
        [" she"], [" he"],
    ),
    "MIB ioi": (
        {"prompt": CLEAN, "metadata": {"indirect_object": "Mary", "subject": "John", "random_c": "Tom"},
         "s2_io_flip_counterfactual": {"prompt": CORRUPTED}, "abc_counterfactual": {"prompt": "no"}},
        [" Mary"], [" John"],
    ),
    "MIB mcqa": (
        {"prompt": CLEAN, **CHOICES, "answerKey": 0, "symbol_counterfactual": {"prompt": CORRUPTED, **CHOICES, "answerKey": 1}},
        ["A"], ["B"],
    ),
    "MIB arithmetic": (
        {"prompt": CLEAN, "label": 17, "operator": "+", "random_counterfactual": {"prompt": CORRUPTED, "label": 41}},
        ["17"], ["41"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("tool", THEIRS)
@pytest.mark.parametrize("holder", ["lines", "lines.json", "array", "prompts", "rows"])
def test_rows_of_every_tool_are_read(demo: Case, tool: str, holder: str, tmp_path: Path) -> None:
    """In lines (feature-circuits names them .json), in arrays, and as auto-circuit and the hub's API hold them."""
    row, right, wrong = THEIRS[tool]
    path = tmp_path / ("a.jsonl" if holder == "lines" else "a.json")
    if holder.startswith("lines"):
        path.write_text("".join(json.dumps(row) + "\n" for _ in range(2)))
    else:
        data = {"array": [row, row], "prompts": {"prompts": [row, row], "word_idxs": {"IO": 2}, "seq_labels": ["BOS"]},
                "rows": {"rows": [{"row_idx": i, "row": row} for i in range(2)]}}  # fmt: skip
        path.write_text(json.dumps(data[holder]))
    task = load_task(str(path), demo.model)
    tokenizer = AutoTokenizer.from_pretrained(DEMO)

    def ids(words: list[str]) -> list[list[int]]:
        return [[tokenizer(w)["input_ids"][0] for w in words]] * 2

    assert [(p.clean, p.corrupted) for p in task.pairs] == [(CLEAN, CORRUPTED)] * 2
    assert task.correct.tolist() == ids(right) and task.incorrect.tolist() == ids(wrong)
    assert task.metric == "logit-diff"


ODD = {
    "the prompts have different numbers of tokens": {**TWO, "corrupted": "So", "correct": " she", "incorrect": " he"},
    "an answer is not one token": {**TWO, "correct": " she and he", "incorrect": " he"},
    "an answer is correct and incorrect": {**TWO, "correct": " she", "incorrect": " she"},
    "there is no correct answer": {**TWO, "correct": "", "incorrect": " she"},
    "a column is missing": {"clean": CLEAN, "correct": " she"},
    "a value is of the wrong kind": {**TWO, "clean": 3, "correct": " she"},
    "an id is outside the vocabulary": {**TWO, "correct_idx": 10**6},
    "a text holds half of a surrogate pair": {**TWO, "clean": "So \ud800", "correct": " she"},
    "a row is not an object": [1],
    "a prompt is too long or holds a word that the tokenizer does not know": {**TWO, "clean": "So " * 999, "correct": " she"},
}  # fmt: skip
GOOD = {**TWO, "correct": [" she"], "incorrect": [" he"]}


def test_odd_rows_are_counted_and_left_out(demo: Case, tmp_path: Path) -> None:
    rows = [ODD["a column is missing"], GOOD, *ODD.values(), GOOD, GOOD]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{nonsense\n")
    with pytest.raises(UnusableRowsError) as told:
        load_task(str(path), demo.model)
    expected = {**dict.fromkeys(ODD, 1), "a column is missing": 2, "a line is not JSON": 1}
    assert told.value.reasons == expected
    assert (told.value.usable, told.value.total) == (3, 15)
    assert "odd.jsonl line 1:" in str(
        told.value
    ) and "3 of 15 pairs can be used; the others cannot: 2 (a column" in str(told.value)
    task = load_task(str(path), demo.model, skip_unusable=True)
    assert len(task) == 3 and task.options["left_out"] == expected
    assert task.hash == load_task(str(table(tmp_path / "good.jsonl", [GOOD] * 3)), demo.model).hash
    first = load_task(str(path), demo.model, prompts=1, skip_unusable=True)
    assert len(first) == 1 and first.options["left_out"] == {"a column is missing": 1}  # what came before it


def test_a_file_without_a_row_that_can_be_used_says_why(demo: Case, tmp_path: Path) -> None:
    path = table(tmp_path / "a.jsonl", [ODD["an answer is not one token"]] * 3)
    for skip in (False, True):
        with pytest.raises(
            InputError, match=r"None of the 3 pairs can be used: 3 \(an answer is not one token\)"
        ):
            load_task(str(path), demo.model, skip_unusable=skip)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from([10**400, "\ud800", "a\u2028b", " she", "A", 17, "17", CLEAN, CORRUPTED]),
    lambda x: st.lists(x, max_size=2) | st.dictionaries(st.sampled_from(["prompt", "label", "choices", "answerKey", "subject", "x"]), x, max_size=3),
    max_leaves=5,
)  # fmt: skip
NAMES = sorted(
    {name for row, _, _ in THEIRS.values() for name in row}
    | {"correct_idx", "incorrect_idx", "year", "correct"}
)
MUTATED = st.tuples(
    st.sampled_from([row for row, _, _ in THEIRS.values()]),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=2),
).map(lambda pair: {**pair[0], **pair[1]})


@given(
    rows=st.lists(MUTATED, min_size=1, max_size=3),
    suffix=st.sampled_from([".csv", ".jsonl", ".json"]),
    skip=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_values_are_read_or_refused_in_one_sentence(
    tmp_path: Path, rows: list[dict[str, Any]], suffix: str, skip: bool
) -> None:
    path = tmp_path / f"a{suffix}"
    text = json.dumps(rows) if suffix == ".json" else ""
    if suffix == ".jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    elif suffix == ".csv":
        names = list(rows[0])
        cells = [
            [str(row.get(name))[:999].encode(errors="replace").decode() for name in names] for row in rows
        ]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([names, *cells])
    if text:
        path.write_text(text)
    try:
        task = load_task(str(path), load_model_once(), skip_unusable=skip)
    except InputError as error:
        assert "\n" not in str(error) or "⏎" in str(error)
    else:
        assert 0 < len(task) <= len(rows)
        assert int(task.correct.max()) < task.tokens.vocabulary_size


def load_model_once() -> Any:
    return make_case("demo").model  # a fixture of hypothesis's would be made for each example


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_lines_of_json_end_at_line_feeds_alone(demo: Case, end: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {"clean": f"So{end} Mary said that", "corrupted": f"So{end} John said that", "correct": [" she"]}
    escaped = json.dumps(row, ensure_ascii=ord(end) < 0x20)
    path.write_text(f"{escaped}\r\n{escaped}", encoding="utf-8", newline="")
    assert [p.clean for p in load_task(str(path), demo.model).pairs] == [row["clean"]] * 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "[" + "0," * 2_500_000 + "0]", "2,500,001 values"),
        ("a.json", '{"prompts": [' + "{}," * 1_500_000 + "{}]}", "values"),
        ("a.jsonl", '{"clean": [' + "0," * 2_500_000 + "0]}", "a.jsonl line 1: about 2,500,00. values"),
        ("a.json", "[" * 200_000, "nested too deeply"),
        ("a.json", '"' + "x" * (33 * 2**20) + '"', "million characters"),
        ("a.jsonl", '{"correct_idx": ' + "7" * 5000 + "}", "this is not JSON"),
        ("a.json", '{"a": 1}', "no list of pairs"),
        ("a.json", "[1", "not JSON"),
        ("a.csv", "a," * 3000 + "clean\n1\n", "3,001 columns"),
        ("a.csv", "clean,corrupted,correct\n" + '"' + "x" * 200_000 + '",b,c\n', "this is not CSV"),
    ],
)  # fmt: skip
def test_what_is_too_much_is_refused_before_it_is_made(
    demo: Case, tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(InputError, match=says) as told:
        load_task(str(path), demo.model)
    assert time.process_time() - began < 2 and len(str(told.value)) < 400


def test_of_a_large_file_only_what_is_used_is_read(demo: Case, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("clean,corrupted,correct,incorrect\n")
        file.write(f"{CLEAN},{CORRUPTED}, she, he\n" * 1_400_000)
    began = time.process_time()
    assert len(load_task(str(path), demo.model, prompts=8)) == 8
    assert time.process_time() - began < 2


def test_names_that_no_file_can_have_are_told(demo: Case) -> None:
    for name in ("x" * 300 + ".csv", "a\0b.csv", "~nobody-of-this-name/a.csv", "a.jsonl"):
        with pytest.raises(InputError, match="task file"):
            load_task(name, demo.model)
