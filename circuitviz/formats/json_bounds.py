"""What JSON holds is counted before anything is built of it, in memory that does not grow with the file.

A parser makes of three bytes (``[],``) an object of 56, and a regular expression over strings takes 60 bytes
for each escaped character, so that both the size of a file and the number of its values have to be bounded.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

CHUNK_BYTES = 2**20  # between two chunks other threads have their turn
MAX_INTEGER_DIGITS = (
    20  # of the largest whole number, below 10^20: counts, ids and seeds of 64 bits have no more
)
SURROGATE = re.compile("[\ud800-\udfff]")
SURROGATE_BYTES = re.compile(
    rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]"
)  # a surrogate, escaped or as UTF-8 forbids it


def count_values(data: bytes, max_values: int) -> tuple[int, int]:
    """How many values JSON holds and how deeply brackets nest, for well-formed JSON.

    Counting ends where there are more than ``max_values`` values. JSON that is not well-formed is counted
    right up to the place at which a parser stops.
    """
    values = depth = deepest = 0
    inside, rest = False, b""  # whether a chunk begins in a string; a backslash without what it escapes
    for start in range(0, len(data), CHUNK_BYTES):
        part = rest + data[start : start + CHUNK_BYTES]
        odd = (len(part) - len(part.rstrip(b"\\"))) % 2
        rest = b"\\" * odd
        part = part[: len(part) - odd].replace(b"\\\\", b"").replace(b'\\"', b"")
        signs = np.frombuffer(part, np.uint8)
        quotes = np.cumsum(signs == ord('"'), dtype=np.int32)
        outside = ((quotes + inside) & 1) == 0
        up = ((signs == ord("{")) | (signs == ord("["))) & outside
        down = ((signs == ord("}")) | (signs == ord("]"))) & outside
        values += int(up.sum()) + int(((signs == ord(",")) & outside).sum())
        nesting = depth + np.cumsum(up.astype(np.int8) - down.astype(np.int8), dtype=np.int32)
        deepest = max(deepest, int(nesting.max(initial=0)))
        if values > max_values:
            break
        if len(signs):
            depth, inside = int(nesting[-1]), bool((int(quotes[-1]) + inside) & 1)
    return values, deepest


def parse_integer(digits: str) -> int:
    """A whole number of JSON. Raises ValueError where it is larger than any that a file of ours says."""
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError(
            f"a whole number of {len(digits):,} digits is too large; up to {MAX_INTEGER_DIGITS} are read"
        )
    return int(digits)


def has_surrogates(data: bytes) -> bool:
    """Whether JSON may hold a surrogate: half a character, if the other half is not there."""
    return SURROGATE_BYTES.search(data) is not None


def replace_surrogates(text: str) -> str:
    r"""Replace surrogates, which stand in names of files that are not UTF-8, by U+FFFD.

    Every file and terminal takes the result.

    >>> replace_surrogates("caf\udce9")
    'caf�'
    """
    return SURROGATE.sub("�", text)


def replace_all_surrogates(value: Any) -> Any:
    """JSON with ``replace_surrogates`` names and texts."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, dict):
        return {replace_surrogates(key): replace_all_surrogates(entry) for key, entry in value.items()}
    return [replace_all_surrogates(entry) for entry in value] if isinstance(value, list) else value
