"""One way to write any text where control characters, or no text at all, would be lost or mangled."""

from __future__ import annotations

import re

STRANGE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
ESCAPE = re.compile(r"\\(-|n|\\|u[0-9a-fA-F]{4})")
NOTHING = r"\-"


def escaped(text: str) -> str:
    r"""Printable text on one line; XML 1.0, CSV and DOT carry it unchanged.

    >>> escaped("a\nb\\c\x00"), escaped("")
    ('a\\nb\\\\c\\u0000', '\\-')
    """
    if not text:
        return NOTHING
    return STRANGE.sub(lambda hit: _write(hit[0]), text)


def unescaped(text: str) -> str:
    r"""What ``escaped`` was given; a backslash that is none of ours stays.

    >>> unescaped(escaped("tab\there")), unescaped(r"\-"), unescaped(r"\alpha")
    ('tab\there', '', '\\alpha')
    """
    return ESCAPE.sub(lambda hit: _read(hit[1]), text)


def _write(character: str) -> str:
    return {"\n": r"\n", "\\": r"\\"}.get(character, f"\\u{ord(character):04x}")


def _read(code: str) -> str:
    return {"n": "\n", "\\": "\\", "-": ""}.get(code) if code[0] != "u" else chr(int(code[1:], 16))  # type: ignore[return-value]
