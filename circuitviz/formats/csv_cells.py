"""Formatting of CSV, with cells escaped that spreadsheets would execute as formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# OWASP's list of the beginnings of formulas; cells that begin with a quote already get another.
FORMULA_START = re.compile(r"'*[=+\-@\t\r]")


def format_csv(rows: Iterable[Iterable[Any]], delimiter: str = ",") -> str:
    r"""Format rows as CSV with line feeds; texts that would be formulas are escaped.

    >>> format_csv([["=1+1", "-0.5", -0.5, "it's"]])
    "'=1+1,-0.5,-0.5,it's\n"
    """
    special = re.compile(f'["\\r\\n{re.escape(delimiter)}]')  # Python's csv leaves a carriage return bare

    def field(cell: Any) -> str:
        if not isinstance(cell, str):
            return "" if cell is None else str(cell)
        text = escape_formula(cell)
        return '"' + text.replace('"', '""') + '"' if special.search(text) else text

    lines = (delimiter.join(map(field, row)) or '""' for row in rows)
    return "".join(f"{line}\n" for line in lines)


def escape_formula(text: str) -> str:
    """Prefix ``'`` to a cell's text that a spreadsheet would take for a formula; numbers stay."""
    return f"'{text}" if FORMULA_START.match(text) and not _is_number(text) else text


def unescape_formula(text: str) -> str:
    """The inverse of ``escape_formula``."""
    return text[1:] if text.startswith("'") and FORMULA_START.match(text) else text


def describe_repeated_column(header: Iterable[str]) -> str:
    """A message about the first repeated name in a table's header; empty where there is none.

    >>> describe_repeated_column(["a", "b", "a"]), describe_repeated_column(["a", "b"])
    ("the column 'a' is there twice; which one is meant cannot be told", '')
    """
    previous: set[str] = set()
    for name in header:
        if name and name in previous:
            return f"the column '{name[:40]}' is there twice; which one is meant cannot be told"
        previous.add(name)
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
