"""Cells of CSV files: a spreadsheet must not take a text of a label or a token for a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# What OWASP lists as the beginnings of formulas; those that have the quote already are quoted once more.
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_text(rows: Iterable[Iterable[Any]], delimiter: str = ",") -> str:
    r"""Rows as CSV with one line feed at the end of each; texts that would be formulas get a ``'`` before.

    >>> csv_text([["=1+1", "-0.5", -0.5, "it's"]])
    "'=1+1,-0.5,-0.5,it's\n"
    """
    special = re.compile(f'["\\r\\n{re.escape(delimiter)}]')  # Python's csv leaves a carriage return bare

    def field(cell: Any) -> str:
        if not isinstance(cell, str):
            return "" if cell is None else str(cell)
        text = protected(cell)
        return '"' + text.replace('"', '""') + '"' if special.search(text) else text

    lines = (delimiter.join(map(field, row)) or '""' for row in rows)
    return "".join(f"{line}\n" for line in lines)


def protected(text: str) -> str:
    """A cell's text that no spreadsheet takes for a formula; numbers stay."""
    return f"'{text}" if FORMULA.match(text) and not _is_number(text) else text


def unprotected(text: str) -> str:
    """What ``protected`` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def repeated(header: Iterable[str]) -> str:
    """The first name that stands twice in a table's header, as a sentence; empty where none does.

    >>> repeated(["a", "b", "a"]), repeated(["a", "b"])
    ("the column 'a' is there twice; which one is meant cannot be told", '')
    """
    before: set[str] = set()
    for name in header:
        if name and name in before:
            return f"the column '{name[:40]}' is there twice; which one is meant cannot be told"
        before.add(name)
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
