"""Waiting requests: one slot a kind, so that the latest wish of a kind wins."""

from __future__ import annotations

from circuitviz.workbench.requests.messages import Request


class Mailbox:
    """Slots by kind of request; the least rank is the most urgent."""

    def __init__(self) -> None:
        self.slots: dict[object, Request] = {}

    def put(self, request: Request) -> None:
        """Leave a request; a fresh one makes void what waited for the old model and task."""
        if request.invalidates_queue:
            self.drop_model_requests()
        self.slots[request.slot] = request

    def drop_model_requests(self) -> None:
        """Forget whatever waits for a model and a task."""
        self.slots = {k: r for k, r in self.slots.items() if r.priority < 0}

    def take_next(self, preempted: Request | None = None, is_model_open: bool = False) -> Request | None:
        """The most urgent request, or None; with ``preempted``, only one that goes before that."""
        waiting = sorted(self.slots.values(), key=lambda request: request.priority)
        for request in waiting:
            if preempted is None or request.preempts(preempted, is_model_open):
                return self.slots.pop(request.slot)
        return None

    def conflict_with(self, running: Request, is_model_open: bool = False) -> str:
        """What a running job has to do: ``end``, ``step aside``, or go on (empty)."""
        waiting = self.slots.values()
        if running.slot in self.slots or (
            running.priority >= 0 and any(r.invalidates_queue for r in waiting)
        ):
            return "end"
        return "step aside" if any(r.preempts(running, is_model_open) for r in waiting) else ""
