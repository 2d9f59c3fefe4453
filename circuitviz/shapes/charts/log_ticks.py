"""Sizes on a logarithmic axis: ticks at 1, 3, 10 … that do not run into one another."""

from __future__ import annotations

import math

ROUND_SIZES = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


def log_ticks(largest_size: float) -> list[tuple[float, str]]:
    """Places in powers of ten, with their names, up to a size; only 1, 10, 100 … where there are many."""
    sizes = ROUND_SIZES[::2] if largest_size > 10_000 else ROUND_SIZES
    return [(math.log10(size), f"{size:,}") for size in sizes if size <= 1.13 * largest_size]
