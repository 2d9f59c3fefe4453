"""Waiting requests: one slot a kind, so that the latest wish of a kind wins."""

from __future__ import annotations

from circuitviz.jobs.messages import Request


class Mailbox:
    """Slots by kind of request; the least rank is the most urgent."""

    def __init__(self) -> None:
        self.slots: dict[object, Request] = {}

    def put(self, request: Request) -> None:
        """Leave a request; a fresh one makes void what waited for the old model and task."""
        if request.fresh:
            self.void()
        self.slots[request.slot] = request

    def void(self) -> None:
        """Forget whatever waits for a model and a task."""
        self.slots = {k: r for k, r in self.slots.items() if r.rank < 0}

    def take(self, aside: Request | None = None, opened: bool = False) -> Request | None:
        """The most urgent request, or None; with ``aside``, only one that goes before that."""
        waiting = sorted(self.slots.values(), key=lambda request: request.rank)
        for request in waiting:
            if aside is None or request.goes_before(aside, opened):
                return self.slots.pop(request.slot)
        return None

    def disturbs(self, running: Request, opened: bool = False) -> str:
        """What a running job has to do: ``end``, ``step aside``, or go on (empty)."""
        waiting = self.slots.values()
        if running.slot in self.slots or (running.rank >= 0 and any(r.fresh for r in waiting)):
            return "end"
        return "step aside" if any(r.goes_before(running, opened) for r in waiting) else ""
