"""Spans of prompts: each token is in one, by its characters; files name them; built-in tasks have theirs."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from conftest import Case, make_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuitviz.errors import InputError
from circuitviz.graph.spans import PromptSpans
from circuitviz.tasks import PromptPair, Task, load_task, tasks
from circuitviz.tasks.spans import check_spans, fill_slots, parse_spans, spans_to_json

WORDS = ["So", "Mary", "said", "that", "Tom", "went", "to", "the", "old", "restaurant"]


def words_by_span(task: Task, index: int) -> dict[str, str]:
    """The text of each span of a prompt, token by token."""
    found: dict[str, str] = {}
    for name, token in zip(task.span_names(index), task.prompt_strings(index), strict=True):
        found[name] = found.get(name, "") + token
    return found


@pytest.mark.parametrize("corruption", ["third-name", "random-names"])
def test_ioi_names_the_positions_of_its_paper(demo: Case, corruption: str) -> None:
    task = load_task("ioi", demo.model, prompts=24, corruption=corruption)
    assert task.spans.names == ("other", *sorted(task.spans.names[1:-1], key=task.spans.names.index), "END")
    for index in range(len(task)):
        names = task.span_names(index)
        for name in ("IO", "S1", "S2", "END", "S1+1"):  # found by answers' tokens, not by characters
            assert names[task.resolve_position(index, name)] == name
        assert {name for name in names if names.count(name) > 1} == {"other"}
        assert len(names) == len(task.prompt_strings(index, corrupted=True))


@pytest.mark.parametrize("model", ["demo", "stories"])
def test_every_token_of_built_in_tasks_is_in_one_span(model: str) -> None:
    """Stories writes a word in several tokens: all of them are in its span."""
    case = make_case(model)
    for name in tasks.names():
        try:
            task = load_task(name, case.model, prompts=5)
        except InputError:
            continue  # the tokenizer does not have the words
        for index, pair in enumerate(task.pairs):
            tokens, names = task.prompt_strings(index), task.span_names(index)
            assert len(tokens) == len(names) and names[-1] == "END" and names.count("END") == 1
            assert set(names) <= {span[0] for span in pair.spans} | {"other", "END"}, name
            for span, text in words_by_span(task, index).items():
                given_texts = [pair.clean[first:end] for n, first, end in pair.spans if n == span]
                if (
                    given_texts and names.index(span) < len(names) - 2
                ):  # END may take the last token of a word
                    assert text.replace(" ", "") == "".join(given_texts).replace(" ", ""), (name, span)


def test_greater_than_and_agreement_name_their_words(demo: Case) -> None:
    task = load_task("greater-than", demo.model, prompts=8)
    for index, pair in enumerate(task.pairs):
        found = re.fullmatch(r"The (\w+) lasted from the year (\d\d)(\d\d) to the year (\d\d)", pair.clean)
        texts = words_by_span(task, index)
        assert [texts[name].strip() for name in ("event", "XX1", "YY", "END")] == list(found.groups())
    task = load_task("sva", demo.model, prompts=8)
    for index, pair in enumerate(task.pairs):
        texts = words_by_span(task, index)
        assert (
            texts["subject"].strip() == pair.clean.split()[1]
            and texts["END"].strip() == pair.clean.split()[-1]
        )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), model=st.sampled_from(["demo", "stories"]))
def test_tokens_belong_to_spans_by_their_characters(data: st.DataObject, model: str) -> None:
    tokens = make_case(model).model.tokens
    text = " ".join(data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    names = ["a", "b.c", "a", "ß+1", "d-2"]
    spans = check_spans(
        text, [(n, i, j) for n, i, j in zip(names, cuts[::2], cuts[1::2], strict=False) if text[i:j].strip()]
    )
    task = Task.from_pairs("t", [PromptPair(text, text, (1,), (), spans)], tokens)
    of_character = {}
    for name, first, end in spans:
        kept = [i for i in range(first, end) if not text[i].isspace()]
        of_character.update(dict.fromkeys(range(kept[0], kept[-1] + 1), name))
    for position, ((first, end), name) in enumerate(
        zip(tokens.character_ranges(text), task.span_names(0), strict=True)
    ):
        inside = [of_character[i] for i in range(first, end) if i in of_character]
        expected = inside[0] if inside else "other" if spans else f"p{position}"
        assert name == (expected if position < int(task.lengths[0]) - 1 else "END")
    assert parse_spans(text, spans_to_json(spans)) == spans


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=6), min_size=1, max_size=4))
def test_which_span_can_be_read_from_which(rows: list[list[str]]) -> None:
    prompts = [[*row, "END"] for row in rows]
    spans = PromptSpans.of_prompts(prompts)
    assert set(spans.names) == {name for prompt in prompts for name in prompt} and spans.names[-1] == "END"
    for d, query in enumerate(spans.names):
        for s, key in enumerate(spans.names):
            seen = any(
                prompt[i] == query and prompt[j] == key
                for prompt in prompts
                for i in range(len(prompt))
                for j in range(i + 1)
            )
            assert spans.attends[d][s] == seen


def test_a_part_of_a_task_has_the_indices_of_the_whole(demo: Case) -> None:
    task = load_task("gender", demo.model, prompts=12)
    whole = task.span_indices(task.spans)
    assert (whole >= 0).sum() == int(task.lengths.sum())
    for index in range(len(task)):
        part = task.subset([index])
        assert part.span_indices(task.spans)[0].tolist() == whole[index].tolist()
        names = [task.spans.names[i] for i in whole[index].tolist() if i >= 0]
        assert names == task.span_names(index)
    with pytest.raises(InputError, match="have the span 'kind'; the circuit has other, END"):
        task.span_indices(PromptSpans.of_prompts([["other", "END"]]))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_files_name_spans_in_a_column(demo: Case, suffix: str, tmp_path: Path) -> None:
    spans = {"who": [3, 7], "verb": [[8, 12]]}
    row = {
        "clean": "So Mary said that",
        "corrupted": "So John said that",
        "correct": " she",
        "incorrect": " he",
    }
    path = tmp_path / f"own{suffix}"
    if suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*row, "spans"])
            writer.writeheader()
            writer.writerows([{**row, "spans": json.dumps(spans)}, {**row, "spans": ""}])
    else:
        path.write_text(json.dumps({**row, "spans": spans}) + "\n" + json.dumps(row) + "\n")
    task = load_task(str(path), demo.model)
    assert task.span_names(0) == ["other", "other", "who", "verb", "END"]
    assert task.span_names(1) == ["p0", "p1", "p2", "p3", "END"]


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ({"a b": [0, 2]}, "letters, digits"),
        ({"END": [0, 2]}, "END nor other"),
        ({"12": [0, 2]}, "neither a number"),
        ({"a": [0, 99]}, "the clean prompt has 17"),
        ({"a": [2, 3]}, "no white space"),
        ({"a": [0, 5], "b": [4, 9]}, "'a' and 'b' overlap"),
        ({"a": 3}, "ranges of characters"),
        ({"a": [True, 2]}, "ranges of characters"),
        ([1], "ranges of characters"),
        ("{", "not JSON"),
    ],
)
def test_spans_that_are_wrong_are_refused(demo: Case, spans: object, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(
        json.dumps(
            {
                "clean": "So Mary said that",
                "corrupted": "So John said that",
                "correct": " she",
                "spans": spans,
            }
        )
    )
    with pytest.raises(InputError, match=problem) as error:
        load_task(str(path), demo.model)
    assert "own.jsonl line 1" in str(error.value)


def test_slots_become_spans() -> None:
    text, spans = fill_slots("{a} met {b.c}. {a} left", {"a": "Tom", "b.c": "the king"}.__getitem__)
    assert text == "Tom met the king. Tom left"
    assert {name: text[first:end] for name, first, end in spans} == {
        "a": "Tom",
        "b.c": "the king",
        "a-2": "Tom",
    }
