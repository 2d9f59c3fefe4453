"""How long a job still takes, in the same words wherever it is said."""

from __future__ import annotations

import time

from circuitviz.workbench.requests.messages import ProgressReported

MIN_ESTIMATE_S, MIN_ESTIMATE_FRACTION = 2.0, 0.02  # before that nothing is said of the time that is left


class TimeLeftEstimate:
    """Estimates the time that a job still takes from its progress, where it does not say so itself."""

    def __init__(self) -> None:
        self._first: tuple[str, float, float] | None = None  # what it did first, when, and how far it was

    def restart(self) -> None:
        """Forget how fast it was: the job was paused."""
        self._first = None

    def describe(self, progress: ProgressReported) -> str:
        """The time that is left, in words; empty where nothing can be said yet."""
        now_s, fraction, seconds = time.monotonic(), progress.fraction, progress.seconds_left
        if self._first is None or self._first[0] != progress.title:
            self._first = progress.title, now_s, fraction
        elapsed_s, done = now_s - self._first[1], fraction - self._first[2]
        if seconds is None and elapsed_s > MIN_ESTIMATE_S and done > MIN_ESTIMATE_FRACTION:
            seconds = elapsed_s * (1 - fraction) / done
        return "" if seconds is None else describe_time_left(seconds)


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
