"""Requests that wait for the worker: one slot a kind, so that the latest request of a kind wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority


@dataclass(eq=False)
class Job:
    """A request on its way through the worker.

    Attributes:
        number: Counts all jobs of a worker.
        request: What is asked for.
        document_number: Of the document that was open when it was asked; None: it is of any.
        replies: The running computation; None while the job waits.
    """

    number: int
    request: Request
    document_number: int | None
    replies: Iterator[Reply] | None = None


class Mailbox:
    """Waiting jobs by slot. Every method that drops jobs returns them, so that their handles can be told."""

    def __init__(self) -> None:
        self.slots: dict[object, Job] = {}

    def put(self, job: Job) -> list[Job]:
        """Leave a job; one that opens another model and task drops what waited for the old ones."""
        request = job.request
        dropped = self.drop_model_jobs() if request.invalidates_queue else []
        if request.slot in self.slots:
            dropped.append(self.slots[request.slot])
        self.slots[request.slot] = job
        return dropped

    def drop_model_jobs(self) -> list[Job]:
        """Drop whatever needs a model and a task."""
        return self._drop(lambda job: job.document_number is not None)

    def drop_all(self) -> list[Job]:
        """Drop everything that waits."""
        return self._drop(lambda _job: True)

    def drop(self, number: int) -> list[Job]:
        """Drop one job, if it still waits."""
        return self._drop(lambda job: job.number == number)

    def take_next(self, preempted: Request | None = None, is_model_open: bool = False) -> Job | None:
        """Take the most urgent job, or None.

        Args:
            preempted: A request that was interrupted: only a job that may interrupt it is taken.
            is_model_open: Whether the worker has a model and a task.
        """
        for job in sorted(self.slots.values(), key=lambda job: job.request.priority):
            if preempted is None or job.request.preempts(preempted, is_model_open):
                return self.slots.pop(job.request.slot)
        return None

    def conflict_with(self, running: Request, is_model_open: bool = False) -> str:
        """What a running job has to do for those that wait: ``end``, ``step aside``, or go on (empty)."""
        waiting = [job.request for job in self.slots.values()]
        needs_model = running.priority >= Priority.OPEN_MODEL
        if running.slot in self.slots or (needs_model and any(r.invalidates_queue for r in waiting)):
            return "end"
        return "step aside" if any(r.preempts(running, is_model_open) for r in waiting) else ""

    def _drop(self, is_dropped: Callable[[Job], bool]) -> list[Job]:
        dropped = [job for job in self.slots.values() if is_dropped(job)]
        self.slots = {slot: job for slot, job in self.slots.items() if job not in dropped}
        return dropped
