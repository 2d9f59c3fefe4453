"""Limits of the numbers in documents: the same where data is made and where files are read."""

from __future__ import annotations

import math
from typing import Any

MAX_NUMBER = 3.4e38  # the largest 32-bit float
MAX_SEED = 2**63 - 1
MAX_POSITIONS = 2**20  # of a prompt


def is_bounded_number(value: Any) -> bool:
    """Whether a value is a finite number of at most `MAX_NUMBER` in size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= MAX_NUMBER


def is_whole_number(value: Any, minimum: int, maximum: int) -> bool:
    """Whether a value is a whole number from ``minimum`` to ``maximum``."""
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum
