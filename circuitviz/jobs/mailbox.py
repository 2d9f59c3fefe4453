"""Waiting requests: one slot a kind, so that the latest wish of a kind wins."""

from __future__ import annotations

from circuitviz.jobs.messages import Request


class Mailbox:
    """Slots by kind of request; the least rank is the most urgent."""

    def __init__(self) -> None:
        self.slots: dict[type[Request], Request] = {}

    def put(self, request: Request) -> None:
        """Leave a request; a fresh one makes void what waited for the old model and task."""
        if request.fresh:
            self.slots = {k: r for k, r in self.slots.items() if r.rank < 0}
        self.slots[type(request)] = request

    def take(self, below: int | None = None) -> Request | None:
        """The most urgent request, or None; with ``below``, only one of a lesser rank."""
        waiting = sorted(self.slots.values(), key=lambda request: request.rank)
        if not waiting or (below is not None and waiting[0].rank >= below):
            return None
        return self.slots.pop(type(waiting[0]))

    def disturbs(self, running: Request) -> str:
        """What a running job has to do: ``end``, ``step aside``, or go on (empty)."""
        if type(running) in self.slots or (running.rank >= 0 and any(r.fresh for r in self.slots.values())):
            return "end"
        return "step aside" if any(r.rank < running.rank for r in self.slots.values()) else ""
