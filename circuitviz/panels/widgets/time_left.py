"""How long something still takes, in words."""

from __future__ import annotations


def describe_time_left(seconds: float) -> str:
    """How long something still takes, in words that do not change with every step.

    >>> [describe_time_left(s) for s in (2, 23, 95, 700, 7300)]
    ['a few s left', '25 s left', '2 min left', '12 min left', '2 h 2 min left']
    """
    if seconds < 5:
        return "a few s left"
    if seconds < 60:
        return f"{5 * max(1, round(seconds / 5))} s left"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min left" if hours else f"{minutes} min left"
