"""Requests that wait for the worker: one slot a kind and tab, so that the latest request of a kind wins."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

INTERRUPTS_SEARCH_OF_OTHER_TAB = Priority.READ_TOP_TOKENS
"""Requests down to this priority answer what a person does: they do not wait for another tab's search."""

IsModelOpen = Callable[[int | None], bool]
"""Whether a tab has a model and a task, by its number."""


@dataclass(eq=False)
class Job:
    """A request on its way through the worker.

    Attributes:
        number: Counts all jobs of a worker.
        request: What is asked for.
        tab: Number of the tab that asked; None: it is of any, and needs no model.
        document_number: Of the document that the tab had when it asked; None: it is of any.
        is_search: It is one of the searches that run beside the person's work in other tabs.
        replies: The running computation; None while the job waits.
    """

    number: int
    request: Request
    tab: int | None = None
    document_number: int | None = None
    is_search: bool = False
    replies: Generator[Reply, None, None] | None = None

    @property
    def slot(self) -> object:
        """Of jobs that share it only the latest is answered."""
        return self.tab, self.request.slot

    def replaces(self, other: Job) -> bool:
        """Whether another job is void now that this one was submitted."""
        is_of_same_tab = self.tab is not None and self.tab == other.tab
        opens_another = (
            is_of_same_tab and self.request.invalidates_queue and other.document_number is not None
        )
        return opens_another or self.slot == other.slot

    def preempts(self, running: Job, is_model_open: IsModelOpen) -> bool:
        """Whether a running job has to step aside for this one."""
        is_beside_search = running.is_search and not self.is_search and self.tab != running.tab
        if is_beside_search and self.request.priority <= INTERRUPTS_SEARCH_OF_OTHER_TAB:
            return True
        return self.request.preempts(running.request, self.tab == running.tab and is_model_open(self.tab))


class Mailbox:
    """Waiting jobs by slot. Every method that drops jobs returns them, so that their handles can be told."""

    def __init__(self) -> None:
        self.slots: dict[object, Job] = {}

    def put(self, job: Job) -> list[Job]:
        """Leave a job; one that opens another model and task drops what waited for its tab's old ones."""
        dropped = self._drop(job.replaces)
        self.slots[job.slot] = job
        return dropped

    def drop_tab(self, tab: int) -> list[Job]:
        """Drop whatever needs the model and the task of a tab."""
        return self._drop(lambda job: job.tab == tab)

    def drop_all(self) -> list[Job]:
        """Drop everything that waits."""
        return self._drop(lambda _job: True)

    def drop(self, number: int) -> list[Job]:
        """Drop one job, if it still waits."""
        return self._drop(lambda job: job.number == number)

    def take_next(self, preempted: Job | None, is_model_open: IsModelOpen) -> Job | None:
        """Take the most urgent job, or None.

        Args:
            preempted: A job that was interrupted: only one that may interrupt it is taken.
            is_model_open: Whether a tab has a model and a task.
        """
        for job in sorted(self.slots.values(), key=lambda job: job.request.priority):
            if preempted is None or job.preempts(preempted, is_model_open):
                return self.slots.pop(job.slot)
        return None

    def conflict_with(self, running: Job, is_model_open: IsModelOpen) -> str:
        """What a running job has to do for those that wait: ``end``, ``step aside``, or go on (empty)."""
        waiting = self.slots.values()
        if any(job.replaces(running) for job in waiting):
            return "end"
        return "step aside" if any(job.preempts(running, is_model_open) for job in waiting) else ""

    def _drop(self, is_dropped: Callable[[Job], bool]) -> list[Job]:
        dropped = [job for job in self.slots.values() if is_dropped(job)]
        self.slots = {slot: job for slot, job in self.slots.items() if job not in dropped}
        return dropped
