"""Which replies of a job are told: beginnings and results always, what is on the way where there is time."""

from __future__ import annotations

import time

from circuitviz.workbench.requests.messages import ProgressReported, Reply

PROGRESS_INTERVAL_S = 0.1  # between two progress reports, or two partial results, which all are to be drawn


class ReplyThrottle:
    """Leaves out replies that come too soon after the one before of their kind."""

    def __init__(self) -> None:
        self._last_told_s: dict[type[Reply], float] = {}

    def is_due(self, reply: Reply) -> bool:
        """Whether to tell a reply; it counts as told then."""
        now_s, kind = time.monotonic(), type(reply)
        is_due = now_s - self._last_told_s.get(kind, 0.0) > PROGRESS_INTERVAL_S or _must_be_told(reply)
        if is_due:
            self._last_told_s[kind] = now_s
        return is_due


def _must_be_told(reply: Reply) -> bool:
    """Beginnings and results."""
    if isinstance(reply, ProgressReported):
        return reply.fraction == 0
    return bool(getattr(reply, "done", True))
