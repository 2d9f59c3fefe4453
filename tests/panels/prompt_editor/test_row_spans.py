"""Tokens of a row become a span, in that row or in all rows of its kind."""

from __future__ import annotations

import pytest

from circuitviz.errors import InputError
from circuitviz.models import load_model
from circuitviz.panels.prompt_editor.row_spans import (
    TokenRange,
    change_all_rows,
    change_row,
    find_spans,
    span_tokens,
)
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import RowInspection, inspect_row

TEXTS = (
    "When Mary and John went to the store, John gave a drink to",
    "When Tom and Mary went to the park, Mary gave a ring to",
    "Then, When Mary and John went to the store, John gave a drink to",
)
ROWS = tuple(PromptRow(text, text.replace("gave", "took"), " Mary", " John") for text in TEXTS)


@pytest.fixture(scope="module")
def inspections() -> dict[PromptRow, RowInspection]:
    tokens = load_model("demo").tokens
    return {row: inspect_row(row, tokens) for row in ROWS}


def words(row: PromptRow) -> dict[str, str]:
    return {name: row.clean[first:end] for name, first, end in row.spans}


def at(inspection: RowInspection, word: str, occurrence: int = 0) -> TokenRange:
    place = [i for i, token in enumerate(inspection.clean_tokens) if token == word][occurrence]
    return TokenRange(place, place + 1)


def test_a_span_holds_the_word_without_its_space(inspections: dict[PromptRow, RowInspection]) -> None:
    front = ROWS[0]
    seen = inspections[front]
    row = change_row(front, seen, at(seen, " Mary"), "IO")
    row = change_row(row, seen, at(seen, " John", 1), "S2")
    assert words(row) == {"IO": "Mary", "S2": "John"} and row.spans[1][1] > 30
    assert span_tokens(row.spans[0], seen) == at(seen, " Mary")
    wider = TokenRange(at(seen, " Mary").first, at(seen, " and").end)
    assert words(change_row(row, seen, wider, "both")) == {"both": "Mary and", "S2": "John"}
    assert words(change_row(row, seen, at(seen, " Mary"), "")) == {"S2": "John"}
    assert find_spans(row, seen, at(seen, " and")) == []


@pytest.mark.parametrize("name", ["END", "7", "a b", "other"])
def test_a_name_that_is_none_is_refused(inspections: dict[PromptRow, RowInspection], name: str) -> None:
    seen = inspections[ROWS[0]]
    for change in (
        lambda: change_row(ROWS[0], seen, at(seen, " Mary"), name),
        lambda: change_all_rows(ROWS, inspections, ROWS[0], at(seen, " Mary"), name),
    ):
        with pytest.raises(InputError, match="letters, digits"):
            change()
    last = len(seen.clean_tokens) - 1
    with pytest.raises(InputError, match="answer position"):
        change_row(ROWS[0], seen, TokenRange(last, last + 1), "last")


def test_all_rows_get_it_between_the_same_words_and_then_by_its_name(
    inspections: dict[PromptRow, RowInspection],
) -> None:
    front = ROWS[0]
    seen = inspections[front]
    rows, n_named = change_all_rows([*ROWS, PromptRow()], inspections, front, at(seen, " John", 1), "S")
    assert n_named == 3 and [words(row).get("S") for row in rows] == ["John", "Mary", "John", None]
    moved = rows[1].spans[0]
    rows[1] = change_row(rows[1], inspections[ROWS[1]], at(inspections[ROWS[1]], " park"), "S")
    renamed, n_renamed = change_all_rows(rows, inspections, rows[0], at(seen, " John", 1), "S2")
    assert n_renamed == 3 and {name for row in renamed for name in words(row)} == {"S2"}
    assert moved[1:] in [span[1:] for span in renamed[1].spans] and len(renamed[1].spans) == 2
    removed, n_removed = change_all_rows(renamed, inspections, renamed[0], at(seen, " John", 1), "")
    assert n_removed == 3 and not any(row.spans for row in removed)
