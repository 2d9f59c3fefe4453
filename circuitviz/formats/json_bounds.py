"""Counting of JSON values before parsing, in memory that does not grow with the file.

A parser makes of three bytes (``[],``) an object of 56, and a regular expression over strings takes 60 bytes
for each escaped character, so that both the size of a file and the number of its values have to be bounded.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

CHUNK_BYTES = 2**20  # other threads can run between chunks
MAX_INTEGER_DIGITS = 20  # counts, ids and seeds of 64 bits have no more
SURROGATE = re.compile("[\ud800-\udfff]")
SURROGATE_BYTES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")  # escaped, or as (invalid) UTF-8


def count_values(data: bytes, max_values: int) -> tuple[int, int]:
    """Number of values and depth of nesting of JSON.

    Counting stops after ``max_values`` values. Invalid JSON is counted correctly up to where a parser fails.
    """
    values = depth = deepest = 0
    in_string, open_escape = (False, b"")  # whether the chunk begins in a string; its last backslash
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = open_escape + data[start : start + CHUNK_BYTES]
        n_open = (len(chunk) - len(chunk.rstrip(b"\\"))) % 2
        open_escape = b"\\" * n_open
        chunk = chunk[: len(chunk) - n_open].replace(b"\\\\", b"").replace(b'\\"', b"")
        characters = np.frombuffer(chunk, np.uint8)
        quotes = np.cumsum(characters == ord('"'), dtype=np.int32)
        outside = ((quotes + in_string) & 1) == 0
        opens = ((characters == ord("{")) | (characters == ord("["))) & outside
        closes = ((characters == ord("}")) | (characters == ord("]"))) & outside
        values += int(opens.sum()) + int(((characters == ord(",")) & outside).sum())
        nesting = depth + np.cumsum(opens.astype(np.int8) - closes.astype(np.int8), dtype=np.int32)
        deepest = max(deepest, int(nesting.max(initial=0)))
        if values > max_values:
            break
        if len(characters):
            depth, in_string = int(nesting[-1]), bool((int(quotes[-1]) + in_string) & 1)
    return values, deepest


def parse_integer(digits: str) -> int:
    """Parse an integer of JSON.

    Raises:
        ValueError: It has more than ``MAX_INTEGER_DIGITS`` digits.
    """
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError(
            f"a whole number of {len(digits):,} digits is too large; up to {MAX_INTEGER_DIGITS} are read"
        )
    return int(digits)


def has_surrogates(data: bytes) -> bool:
    """Whether JSON may hold a surrogate, which is invalid unless it is part of a pair."""
    return SURROGATE_BYTES.search(data) is not None


def replace_surrogates(text: str) -> str:
    r"""Replace surrogates, which names of files that are not UTF-8 hold, by U+FFFD.

    The result can be written to every file and terminal.

    >>> replace_surrogates("caf\udce9")
    'caf�'
    """
    return SURROGATE.sub("�", text)


def replace_all_surrogates(value: Any) -> Any:
    """JSON data with ``replace_surrogates`` applied to all names and texts."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, dict):
        return {replace_surrogates(key): replace_all_surrogates(entry) for key, entry in value.items()}
    return [replace_all_surrogates(entry) for entry in value] if isinstance(value, list) else value
