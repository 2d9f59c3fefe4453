"""Escaping of characters that XML 1.0, CSV or UTF-8 cannot represent, for other tools' files and for HTML."""

from __future__ import annotations

import re
from html import escape

# A backslash is escaped only where it would begin an escape.
UNSAFE_CHARACTERS = re.compile(
    r"\\(?=u[0-9a-fA-F]{4})|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]"
)
ESCAPE_PATTERN = re.compile(r"\\u([0-9a-fA-F]{4})")


def escape_text(text: str) -> str:
    r"""Escape characters that XML 1.0, CSV or UTF-8 cannot represent, as in ``\u001b``.

    >>> escape_text("a\x00"), escape_text(r"\alpha"), escape_text(r"\u0041")
    ('a\\u0000', '\\alpha', '\\u005cu0041')
    """
    return UNSAFE_CHARACTERS.sub(lambda hit: f"\\u{ord(hit[0]):04x}", text)


def escape_html(value: object) -> str:
    r"""A value as the text of an HTML element or attribute: markup is escaped, too.

    >>> escape_html("a<b\x00")
    'a&lt;b\\u0000'
    """
    return escape(escape_text(str(value)))


def unescape_text(text: str) -> str:
    r"""The inverse of ``escape_text``; other backslashes stay.

    >>> unescape_text(escape_text("bell\x07")), unescape_text(escape_text(r"\u0041"))
    ('bell\x07', '\\u0041')
    >>> unescape_text(r"\alpha")
    '\\alpha'
    """
    return ESCAPE_PATTERN.sub(lambda hit: chr(int(hit[1], 16)), text)
