"""Rows of task files become pairs of prompts, in the columns of every tool whose files are read.

The columns are those of the tools' own data sets: circuitviz, EAP-IG [hanna2024faithfulness], auto-circuit
[miller2024transformer], feature-circuits [marks2024sparse] and MIB [mib2025], whose loader is followed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from circuitviz.errors import InputError
from circuitviz.models import PromptTokenizer
from circuitviz.tasks.pairs import Answer, PromptPair, UnusablePairError
from circuitviz.tasks.spans import parse_spans
from circuitviz.tasks.word_lists import YEARS

FileRow = Mapping[str, Any]
TASK_COLUMNS = ("clean", "corrupted", "correct", "incorrect")
SPANS_COLUMN = "spans"  # in files of every layout
MAX_SHOWN_CHARS = 60  # of a wrong value in a message
DEFAULT_METRIC = "logit-diff"
BAD_VALUE_REASON = "a value is of the wrong kind"


class RowReader:
    """Makes pairs from rows; caches the tokens of two-digit years.

    Args:
        tokens: The tokenizer; None for layouts that do not need one.
    """

    def __init__(self, tokens: PromptTokenizer | None) -> None:
        self.tokens = tokens
        self._years: dict[str, dict[int, int]] = {}

    def read_pair(self, place: str, row: FileRow) -> tuple[PromptPair, str]:
        """A row's pair, and the metric that its columns imply.

        Args:
            place: Where the row is, for error messages.
            row: Its values by column.

        Raises:
            UnusablePairError: A column is missing or a value is wrong.
        """
        layout = find_row_layout(row)
        if layout is None:
            raise UnusablePairError(f"{place}: {describe_missing_columns(row)}", "a column is missing")
        try:
            return _with_spans(layout.read(self, row), row.get(SPANS_COLUMN)), layout.metric
        except UnusablePairError as error:
            raise UnusablePairError(f"{place}: {error}", error.reason) from None
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise UnusablePairError(
                f"{place}: a row of {layout.tool} lacks what its columns promise ({error!r}).",
                BAD_VALUE_REASON,
            ) from None

    def single_token_years(self, prompt: str) -> dict[int, int]:
        """The token of each two-digit year that is one token after a prompt's last word."""
        word = prompt.rsplit(" ", 1)[-1]
        if word not in self._years:
            if self.tokens is None:
                raise UnusablePairError("years are found with a tokenizer.", "a tokenizer is needed")
            ids_of_year = {int(year): self.tokens.answer_ids(prompt, year) for year in YEARS}
            self._years[word] = {year: ids[0] for year, ids in ids_of_year.items() if len(ids) == 1}
        return self._years[word]


@dataclass(frozen=True)
class RowLayout:
    """A tool's columns.

    Attributes:
        tool: Name of the tool in messages.
        columns: Columns that a row must have.
        read: Makes a pair of a row.
        metric: The metric that goes with the columns.
        needs_tokenizer: Whether the answers are found, or written as text, with a tokenizer.
    """

    tool: str
    columns: tuple[str, ...]
    read: Callable[[RowReader, FileRow], PromptPair]
    metric: str = DEFAULT_METRIC
    needs_tokenizer: bool = False


def _read_answer_texts(reader: RowReader, row: FileRow) -> PromptPair:
    correct = _parse_answers(row["correct"])
    return PromptPair(
        _parse_text(row["clean"]),
        _parse_text(row["corrupted"]),
        correct,
        _parse_answers(row.get("incorrect", "")),
    )


def _read_answer_ids(reader: RowReader, row: FileRow) -> PromptPair:
    correct, incorrect = (parse_token_ids(row.get(name)) for name in ("correct_idx", "incorrect_idx"))
    return PromptPair(_parse_text(row["clean"]), _parse_text(row["corrupted"]), correct, incorrect)


def _read_year_label(reader: RowReader, row: FileRow) -> PromptPair:
    return _split_years(reader, row, _parse_year(row["label"], 0, 99))


def _read_year(reader: RowReader, row: FileRow) -> PromptPair:
    return _split_years(reader, row, _parse_year(row["year"], 0, 9999) % 100)


def _split_years(reader: RowReader, row: FileRow, start: int) -> PromptPair:
    """Correct are all two-digit years above the start, incorrect the others [hanna2023greater]."""
    clean = _parse_text(row["clean"])
    years = reader.single_token_years(clean)
    later = tuple(token for year, token in years.items() if year > start)
    earlier = tuple(token for year, token in years.items() if year <= start)
    if not later or not earlier:
        known = f"{len(years)} two-digit years are one token after this prompt for this tokenizer"
        raise UnusablePairError(
            f"the start year {start:02d} needs a later and an earlier two-digit year, and {known}.",
            "no later or no earlier two-digit year is one token",
        )
    return PromptPair(clean, _parse_text(row["corrupted"]), later, earlier)


def _read_auto_circuit(reader: RowReader, row: FileRow) -> PromptPair:
    wrong = _parse_answers(row.get("wrong_answers", ()))
    return PromptPair(
        _parse_text(row["clean"]), _parse_text(row["corrupt"]), _parse_answers(row["answers"]), wrong
    )


def _read_feature_circuits(reader: RowReader, row: FileRow) -> PromptPair:
    answers = _parse_text(row["clean_answer"]), _parse_text(row["patch_answer"])
    return PromptPair(
        _parse_text(row["clean_prefix"]), _parse_text(row["patch_prefix"]), (answers[0],), (answers[1],)
    )


def _read_mib_ioi(reader: RowReader, row: FileRow) -> PromptPair:
    names = row["metadata"]
    right, wrong = (f" {_parse_text(names[key])}" for key in ("indirect_object", "subject"))
    return PromptPair(
        _parse_text(row["prompt"]),
        _parse_text(row["s2_io_flip_counterfactual"]["prompt"]),
        (right,),
        (wrong,),
    )


def _read_mib_choices(reader: RowReader, row: FileRow) -> PromptPair:
    counterfactual = row["symbol_counterfactual"]
    right, wrong = (str(side["choices"]["label"][side["answerKey"]]) for side in (row, counterfactual))
    return PromptPair(_parse_text(row["prompt"]), _parse_text(counterfactual["prompt"]), (right,), (wrong,))


def _read_mib_arithmetic(reader: RowReader, row: FileRow) -> PromptPair:
    counterfactual = row["random_counterfactual"]
    right, wrong = (str(side["label"]) for side in (row, counterfactual))
    return PromptPair(_parse_text(row["prompt"]), _parse_text(counterfactual["prompt"]), (right,), (wrong,))


ROW_LAYOUTS = (
    RowLayout(
        "EAP-IG's ids of answers",
        ("clean", "corrupted", "correct_idx"),
        _read_answer_ids,
        needs_tokenizer=True,
    ),
    RowLayout("a task file", ("clean", "corrupted", "correct"), _read_answer_texts),
    RowLayout("EAP-IG's greater-than", ("clean", "corrupted", "label"), _read_year_label, "prob-diff", True),
    RowLayout("MIB's greater-than", ("clean", "corrupted", "year"), _read_year, "prob-diff", True),
    RowLayout("auto-circuit", ("clean", "corrupt", "answers"), _read_auto_circuit),
    RowLayout(
        "feature-circuits",
        ("clean_prefix", "patch_prefix", "clean_answer", "patch_answer"),
        _read_feature_circuits,
    ),
    RowLayout("MIB's ioi", ("prompt", "metadata", "s2_io_flip_counterfactual"), _read_mib_ioi),
    RowLayout(
        "MIB's choices", ("prompt", "choices", "answerKey", "symbol_counterfactual"), _read_mib_choices
    ),
    RowLayout("MIB's arithmetic", ("prompt", "label", "random_counterfactual"), _read_mib_arithmetic),
)


def _with_spans(pair: PromptPair, value: Any) -> PromptPair:
    """A pair with the spans of its row: an object, or its text."""
    if not value:
        return pair
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
        return replace(pair, spans=parse_spans(pair.clean, parsed))
    except InputError as error:
        problem = str(error)
    except (ValueError, RecursionError):
        problem = f"spans are {_shorten(value)}, which is not JSON."
    raise UnusablePairError(problem, "spans are wrong")


def find_row_layout(columns: Collection[str]) -> RowLayout | None:
    """The first layout all of whose columns are there."""
    return next((layout for layout in ROW_LAYOUTS if all(name in columns for name in layout.columns)), None)


def describe_missing_columns(columns: Collection[str]) -> str:
    """A sentence on the columns that the nearest layout needs and a row does not have."""
    nearest = max(ROW_LAYOUTS, key=lambda layout: sum(name in columns for name in layout.columns))
    if not any(name in columns for name in nearest.columns):
        nearest = ROW_LAYOUTS[1]
    missing = ", ".join(repr(name) for name in nearest.columns if name not in columns)
    present = ", ".join(str(name)[:MAX_SHOWN_CHARS] for name in list(columns)[:12]) or "nothing"
    return f"the column {missing} is missing; there is {present}. A task file has {', '.join(TASK_COLUMNS)}."


def parse_token_ids(value: object) -> tuple[Answer, ...]:
    """Token ids from a number, a list, or either of them as text; empty for an empty cell.

    Raises:
        UnusablePairError: A value is not a whole number.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan")):
        return ()
    parsed: Any = value
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            raise _bad_token_id(value) from None
    return tuple(_parse_token_id(item) for item in (parsed if isinstance(parsed, list) else [parsed]))


def _parse_token_id(value: object) -> int:
    if isinstance(value, float) and value.is_integer():  # pandas writes a column with gaps as floats
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _bad_token_id(value)
    return value


def _bad_token_id(value: object) -> UnusablePairError:
    return UnusablePairError(
        f"{_shorten(value)} is no index into the vocabulary.", "an id is no whole number"
    )


def _parse_year(value: object, low: int, high: int) -> int:
    try:
        number = int(value) if isinstance(value, str) else _parse_token_id(value)
    except ValueError:
        number = -1
    if not low <= number <= high:
        raise UnusablePairError(
            f"the year is {_shorten(value)}; a whole number from {low} to {high} would be right.",
            BAD_VALUE_REASON,
        )
    return number


def _parse_text(value: object) -> str:
    if not isinstance(value, str):
        raise UnusablePairError(f"{_shorten(value)} stands where text would be right.", BAD_VALUE_REASON)
    return value


def _parse_answers(value: object) -> tuple[Answer, ...]:
    if isinstance(value, str):
        return tuple(part for part in value.split("|") if part)
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise UnusablePairError(
        f"answers are {_shorten(value)}; they must be text, or a list of texts.", BAD_VALUE_REASON
    )


def _shorten(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or isinstance(value, bool) else _format_integer(value)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


def _format_integer(number: int) -> str:
    """A whole number as text; a very large one, which Python refuses to print, by its number of bits."""
    return str(number) if number.bit_length() < 1000 else f"a number of {number.bit_length():,} bits"
