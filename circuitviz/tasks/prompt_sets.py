"""Prompts that a person wrote in the application: rows of text, kept as sets that are tasks by their names.

A set lies in a folder of the application's own data as a task file, so the command line, a search and a
comparison read it like any other. This module needs neither torch nor a tokenizer: the window shows rows
before a model is open.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from circuitviz.document.origin import PairTexts
from circuitviz.errors import InputError
from circuitviz.formats.file_io import write_atomically
from circuitviz.resources import user_data_folder
from circuitviz.tasks.span_edits import follow_edit
from circuitviz.tasks.spans import CharacterSpan, parse_spans, spans_to_json

ANSWER_SEPARATOR = "|"
PROMPT_COLUMNS = ("clean", "corrupted", "correct", "incorrect")
SPANS_COLUMN = "spans"  # in files; absent where no row has any
SET_SUFFIX = ".jsonl"  # keeps line breaks and any answer
MAX_NAME_CHARS = 80
LINE_BREAKS = re.compile(r"\r\n|\n|\r")
FORBIDDEN_IN_NAMES = re.compile(r'[/\\:*?"<>|,\x00-\x1f]')


@dataclass(frozen=True)
class PromptRow:
    """A pair of prompts as it is typed: it need not be usable.

    Attributes:
        clean: The clean prompt.
        corrupted: The corrupted prompt.
        correct: Correct answers, several separated by ``|``; a leading space counts.
        incorrect: Incorrect answers in the same way.
        spans: Names of parts of the clean prompt, in their order.
    """

    clean: str = ""
    corrupted: str = ""
    correct: str = ""
    incorrect: str = ""
    spans: tuple[CharacterSpan, ...] = ()

    @property
    def without_spans(self) -> PromptRow:
        """What a model reads of the row."""
        return replace(self, spans=()) if self.spans else self

    def with_texts(self, **texts: str) -> PromptRow:
        """The row with other texts, given by their columns; spans go along with their words."""
        spans = follow_edit(self.clean, texts.get("clean", self.clean), self.spans) if self.spans else ()
        return replace(self, **texts, spans=spans)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed into the row."""
        return not any(self.texts)

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """The row's texts in the order of ``PROMPT_COLUMNS``."""
        return self.clean, self.corrupted, self.correct, self.incorrect


def split_answers(text: str) -> tuple[str, ...]:
    """The answers of a cell.

    >>> split_answers(" Mary| Anna")
    (' Mary', ' Anna')
    """
    return tuple(answer for answer in text.split(ANSWER_SEPARATOR) if answer)


def join_answers(answers: Iterable[str]) -> str:
    """The cell of some answers."""
    return ANSWER_SEPARATOR.join(answers)


def prompt_sets_folder() -> Path:
    """The folder of the sets; it need not exist yet."""
    return user_data_folder() / "prompts"


def list_prompt_sets() -> list[str]:
    """Names of the sets, sorted."""
    return sorted(path.stem for path in prompt_sets_folder().glob(f"*{SET_SUFFIX}"))


def find_prompt_set(name: str) -> Path | None:
    """The file of a set; None where there is none of this name."""
    if FORBIDDEN_IN_NAMES.search(name) or not name:
        return None
    path = prompt_sets_folder() / f"{name}{SET_SUFFIX}"
    return path if path.is_file() else None


def has_pairs(
    name: str, pairs: Sequence[PairTexts], is_left_out: bool = False, has_spans: bool = False
) -> bool:
    """Whether a search on a set, as it is now, would be on these pairs.

    Args:
        name: Name of the set.
        pairs: The pairs of a search.
        is_left_out: Whether it left out rows that could not be used, so that others may stand between them.
        has_spans: Whether it told edges apart by spans, so that these have to be the same.
    """
    file = find_prompt_set(name)
    rows = [] if file is None else _read_set_rows(file)
    wanted = [
        PromptRow(
            clean, corrupted, join_answers(map(str, correct)), join_answers(map(str, incorrect)), *spans
        )
        for clean, corrupted, correct, incorrect, *spans in pairs
    ]
    if not has_spans:
        rows, wanted = ([row.without_spans for row in part] for part in (rows, wanted))
    if not is_left_out:
        return bool(wanted) and rows[: len(wanted)] == wanted
    following = iter(rows)
    return bool(wanted) and all(row in following for row in wanted)


def check_set_name(name: str, task_names: Iterable[str] = ()) -> str:
    """Return a name without spaces around it.

    Args:
        name: Name of a set.
        task_names: Names of the built-in tasks, which no set may have.

    Raises:
        InputError: A set cannot have this name.
    """
    bare = name.strip()
    if not bare:
        raise InputError("The prompts have no name; one such as 'capital cities' would be right.")
    if bare in set(task_names):
        raise InputError(f"'{bare}' is the name of a built-in task; another name would be right.")
    if (wrong := FORBIDDEN_IN_NAMES.search(bare)) is not None or bare.startswith("."):
        sign = "." if wrong is None else wrong[0]
        raise InputError(
            f"The name '{bare[:MAX_NAME_CHARS]}' holds {sign!r}; letters, digits and spaces would be right."
        )
    if bare.lower().endswith((".csv", ".json", ".jsonl", ".toml")):
        raise InputError(f"'{bare}' is the name of a file; '{Path(bare).stem}' would be right.")
    if len(bare) > MAX_NAME_CHARS:
        raise InputError(f"The name has {len(bare)} characters; at most {MAX_NAME_CHARS} would be right.")
    return bare


def save_prompt_set(name: str, rows: Sequence[PromptRow]) -> Path:
    """Write a set, in place of one of the same name, so that it is a task of this name.

    Returns:
        Its file.

    Raises:
        InputError: There is no row, or the file cannot be written.
    """
    path = prompt_sets_folder() / f"{name}{SET_SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_prompt_file(path, rows)
    return path


def write_prompt_file(path: Path, rows: Sequence[PromptRow]) -> None:
    """Write rows as a task file: CSV or, by the suffix, JSONL. Empty rows are left out.

    Raises:
        InputError: There is no row, or the file cannot be written.
    """
    filled = [row for row in rows if not row.is_empty]
    if not filled:
        raise InputError("There are no prompts to save; at least one pair would be right.")
    text = format_csv_rows(filled) if path.suffix.lower() == ".csv" else _format_jsonl(filled)
    write_text_file(path, text)


def write_text_file(path: Path, text: str) -> None:
    """Write a small file at once; InputError where it cannot be written."""
    write_atomically(path, text.encode())


def format_csv_rows(rows: Iterable[PromptRow], delimiter: str = ",", has_header: bool = True) -> str:
    """Rows as CSV, or separated by another character."""
    listed = list(rows)
    header: tuple[str, ...] = PROMPT_COLUMNS
    lines: list[tuple[str, ...]] = [row.texts for row in listed]
    if any(row.spans for row in listed):
        header = (*PROMPT_COLUMNS, SPANS_COLUMN)
        texts = [json.dumps(spans_to_json(row.spans)) if row.spans else "" for row in listed]
        lines = [(*line, text) for line, text in zip(lines, texts, strict=True)]
    return _write_lines(chain([header], lines) if has_header else lines, delimiter)


def format_cells(cells: Iterable[Sequence[str]]) -> str:
    r"""Cells as spreadsheets copy them: separated by tabs, quoted where ``parse_cells`` needs it.

    >>> format_cells([["a", 'a "b" c'], ["", "c"]])
    'a\t"a ""b"" c"\r\n\tc'
    """
    return _write_lines(cells, "\t").removesuffix("\r\n")


def _write_lines(lines: Iterable[Sequence[str]], delimiter: str) -> str:
    text = io.StringIO()
    # a line feed alone between lines would leave carriage returns in cells bare
    csv.writer(text, delimiter=delimiter).writerows(lines)
    return text.getvalue()


def _read_set_rows(file: Path) -> list[PromptRow]:
    """The rows of a set as ``save_prompt_set`` wrote them; none where somebody else wrote the file."""
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
        return [
            PromptRow(
                line["clean"],
                line["corrupted"],
                join_answers(line["correct"]),
                join_answers(line["incorrect"]),
                parse_spans(line["clean"], line.get(SPANS_COLUMN, {})),
            )
            for line in lines
        ]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _format_jsonl(rows: Iterable[PromptRow]) -> str:
    lines = (
        json.dumps(
            {
                "clean": row.clean,
                "corrupted": row.corrupted,
                "correct": split_answers(row.correct),
                "incorrect": split_answers(row.incorrect),
                **({SPANS_COLUMN: spans_to_json(row.spans)} if row.spans else {}),
            },
            ensure_ascii=False,
        )
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines)


def parse_cells(text: str) -> list[list[str]]:
    r"""Cells of a text that was copied from a spreadsheet, or of CSV with a header of ``PROMPT_COLUMNS``.

    A header is left out; columns of CSV are put in the order of ``PROMPT_COLUMNS``. Lines of one column are
    taken as they are, unless a spreadsheet would have quoted them just so.

    >>> parse_cells("a\tb\nc\td")
    [['a', 'b'], ['c', 'd']]
    >>> parse_cells('correct,clean\n x,"a, b"')
    [['a, b', '', ' x', '']]
    """
    first_line = text.split("\n", 1)[0]
    for delimiter in (",", "\t"):
        names = [name.strip().strip('"').lower() for name in first_line.split(delimiter)]
        if "clean" in names and len(names) > 1:
            rows = _read_lines(text, delimiter)[1:]
            places = [names.index(name) if name in names else -1 for name in PROMPT_COLUMNS]
            return [[row[place] if 0 <= place < len(row) else "" for place in places] for row in rows]
    if "\t" in text:
        return _read_lines(text, "\t")
    if '"' in text:
        cells = _read_lines(text, "\t")
        if _with_line_feeds(format_cells(cells)) == _with_line_feeds(text):
            return [line or [""] for line in cells]
    return [[line] for line in _split_lines(text)]


def _read_lines(text: str, delimiter: str) -> list[list[str]]:
    """Lines of CSV; cut at each delimiter where a cell is longer than CSV may have."""
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return [line.split(delimiter) for line in _split_lines(text)]


def _split_lines(text: str) -> list[str]:
    """Lines, cut at line feeds and carriage returns alone: other separators are part of a prompt."""
    lines = LINE_BREAKS.split(text)
    return lines if lines[-1] else lines[:-1]


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").removesuffix("\n")
