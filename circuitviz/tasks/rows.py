"""Rows of task files, in the columns of every tool whose files are read, become pairs of prompts.

The columns are those of the tools' own data sets: ours, EAP-IG (Hanna et al. 2024), auto-circuit (Miller et
al. 2024), feature-circuits (Marks et al. 2024), and MIB (2025), whose loader is followed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from circuitviz.models import Tokens
from circuitviz.tasks.pairs import Answer, Pair, UnusablePairError
from circuitviz.tasks.words import YEARS

Row = Mapping[str, Any]
COLUMNS = ("clean", "corrupted", "correct", "incorrect")
LONGEST_SHOWN = 60  # characters of a wrong value
DEFAULT_METRIC = "logit-diff"
BAD_VALUE = "a value is of the wrong kind"


class RowReader:
    """Makes pairs of rows; keeps what the tokenizer said of two-digit years, which every row asks."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._years: dict[str, dict[int, int]] = {}

    def pair(self, place: str, row: Row) -> tuple[Pair, str]:
        """A row's pair, and the metric that its columns imply.

        Raises UnusablePairError, which names the place, on missing columns and wrong values.
        """
        layout = layout_of(row)
        if layout is None:
            raise UnusablePairError(f"{place}: {missing_columns(row)}", "a column is missing")
        try:
            return layout.read(self, row), layout.metric
        except UnusablePairError as error:
            raise UnusablePairError(f"{place}: {error}", error.reason) from None
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise UnusablePairError(
                f"{place}: a row of {layout.tool} lacks what its columns promise ({error!r}).", BAD_VALUE
            ) from None

    def years(self, prompt: str) -> dict[int, int]:
        """The token of each two-digit year that is one token after a prompt's last word."""
        word = prompt.rsplit(" ", 1)[-1]
        if word not in self._years:
            found = {int(year): self.tokens.answer_ids(prompt, year) for year in YEARS}
            self._years[word] = {year: ids[0] for year, ids in found.items() if len(ids) == 1}
        return self._years[word]


@dataclass(frozen=True)
class Layout:
    """A tool's columns: how a row that has them all is read, and which metric goes with it."""

    tool: str
    columns: tuple[str, ...]
    read: Callable[[RowReader, Row], Pair]
    metric: str = DEFAULT_METRIC


def _texts(reader: RowReader, row: Row) -> Pair:
    correct = _answers(row["correct"])
    return Pair(_text(row["clean"]), _text(row["corrupted"]), correct, _answers(row.get("incorrect", "")))


def _ids(reader: RowReader, row: Row) -> Pair:
    correct, incorrect = (token_ids(row.get(name)) for name in ("correct_idx", "incorrect_idx"))
    return Pair(_text(row["clean"]), _text(row["corrupted"]), correct, incorrect)


def _label(reader: RowReader, row: Row) -> Pair:
    return _later_years(reader, row, _whole_number(row["label"], 0, 99))


def _year(reader: RowReader, row: Row) -> Pair:
    return _later_years(reader, row, _whole_number(row["year"], 0, 9999) % 100)


def _later_years(reader: RowReader, row: Row, start: int) -> Pair:
    """Correct are all two-digit years above the start, incorrect those at or below (Hanna et al. 2023)."""
    clean = _text(row["clean"])
    years = reader.years(clean)
    later = tuple(token for year, token in years.items() if year > start)
    earlier = tuple(token for year, token in years.items() if year <= start)
    if not later or not earlier:
        known = f"{len(years)} two-digit years are one token after this prompt for this tokenizer"
        raise UnusablePairError(
            f"the start year {start:02d} needs a later and an earlier two-digit year, and {known}.",
            "no later or no earlier two-digit year is one token",
        )
    return Pair(clean, _text(row["corrupted"]), later, earlier)


def _auto_circuit(reader: RowReader, row: Row) -> Pair:
    wrong = _answers(row.get("wrong_answers", ()))
    return Pair(_text(row["clean"]), _text(row["corrupt"]), _answers(row["answers"]), wrong)


def _feature_circuits(reader: RowReader, row: Row) -> Pair:
    answers = _text(row["clean_answer"]), _text(row["patch_answer"])
    return Pair(_text(row["clean_prefix"]), _text(row["patch_prefix"]), (answers[0],), (answers[1],))


def _mib_ioi(reader: RowReader, row: Row) -> Pair:
    names = row["metadata"]
    right, wrong = (f" {_text(names[key])}" for key in ("indirect_object", "subject"))
    return Pair(_text(row["prompt"]), _text(row["s2_io_flip_counterfactual"]["prompt"]), (right,), (wrong,))


def _mib_choices(reader: RowReader, row: Row) -> Pair:
    other = row["symbol_counterfactual"]
    right, wrong = (str(one["choices"]["label"][one["answerKey"]]) for one in (row, other))
    return Pair(_text(row["prompt"]), _text(other["prompt"]), (right,), (wrong,))


def _mib_arithmetic(reader: RowReader, row: Row) -> Pair:
    other = row["random_counterfactual"]
    right, wrong = (str(one["label"]) for one in (row, other))
    return Pair(_text(row["prompt"]), _text(other["prompt"]), (right,), (wrong,))


LAYOUTS = (
    Layout("EAP-IG's ids of answers", ("clean", "corrupted", "correct_idx"), _ids),
    Layout("a task file", ("clean", "corrupted", "correct"), _texts),
    Layout("EAP-IG's greater-than", ("clean", "corrupted", "label"), _label, "prob-diff"),
    Layout("MIB's greater-than", ("clean", "corrupted", "year"), _year, "prob-diff"),
    Layout("auto-circuit", ("clean", "corrupt", "answers"), _auto_circuit),
    Layout(
        "feature-circuits",
        ("clean_prefix", "patch_prefix", "clean_answer", "patch_answer"),
        _feature_circuits,
    ),
    Layout("MIB's ioi", ("prompt", "metadata", "s2_io_flip_counterfactual"), _mib_ioi),
    Layout("MIB's choices", ("prompt", "choices", "answerKey", "symbol_counterfactual"), _mib_choices),
    Layout("MIB's arithmetic", ("prompt", "label", "random_counterfactual"), _mib_arithmetic),
)


def layout_of(columns: Collection[str]) -> Layout | None:
    """The first layout all of whose columns are there."""
    return next((layout for layout in LAYOUTS if all(name in columns for name in layout.columns)), None)


def missing_columns(columns: Collection[str]) -> str:
    """A sentence on the columns that the nearest layout needs and a row does not have."""
    nearest = max(LAYOUTS, key=lambda layout: sum(name in columns for name in layout.columns))
    if not any(name in columns for name in nearest.columns):
        nearest = LAYOUTS[1]
    missing = ", ".join(repr(name) for name in nearest.columns if name not in columns)
    there = ", ".join(str(name)[:LONGEST_SHOWN] for name in list(columns)[:12]) or "nothing"
    return f"the column {missing} is missing; there is {there}. A task file has {', '.join(COLUMNS)}."


def token_ids(given: object) -> tuple[Answer, ...]:
    """Ids of tokens from a number, a list, or either of them as text; nothing where a cell is empty."""
    if given is None or (isinstance(given, str) and given.strip().lower() in ("", "nan")):
        return ()
    parsed: Any = given
    if isinstance(given, str):
        try:
            parsed = json.loads(given)
        except (ValueError, RecursionError):
            raise _not_an_id(given) from None
    return tuple(_id(one) for one in (parsed if isinstance(parsed, list) else [parsed]))


def _id(given: object) -> int:
    if isinstance(given, float) and given.is_integer():  # pandas writes a column with gaps as floats
        return int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise _not_an_id(given)
    return given


def _not_an_id(given: object) -> UnusablePairError:
    return UnusablePairError(f"{_shown(given)} is no index into the vocabulary.", "an id is no whole number")


def _whole_number(given: object, low: int, high: int) -> int:
    try:
        number = int(given) if isinstance(given, str) else _id(given)
    except ValueError:
        number = -1
    if not low <= number <= high:
        raise UnusablePairError(
            f"the year is {_shown(given)}; a whole number from {low} to {high} would be right.", BAD_VALUE
        )
    return number


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise UnusablePairError(f"{_shown(given)} stands where text would be right.", BAD_VALUE)
    return given


def _answers(given: object) -> tuple[Answer, ...]:
    if isinstance(given, str):
        return tuple(part for part in given.split("|") if part)
    if isinstance(given, list | tuple) and all(isinstance(part, str) for part in given):
        return tuple(given)
    raise UnusablePairError(f"answers are {_shown(given)}; they must be text, or a list of texts.", BAD_VALUE)


def _shown(given: object) -> str:
    text = repr(given) if not isinstance(given, int) or isinstance(given, bool) else _digits(given)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _digits(number: int) -> str:
    """A whole number as text; very large ones by their size, which Python refuses to print."""
    return str(number) if number.bit_length() < 1000 else f"a number of {number.bit_length():,} bits"
