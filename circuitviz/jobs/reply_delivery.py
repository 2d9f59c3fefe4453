"""The window's side of the worker: its messages are passed on at once, or when their tab is in front."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.mailbox import Job
from circuitviz.workbench.requests.messages import ModelReleased, ProgressReported, Reply


@dataclass(frozen=True)
class JobStarted:
    """A job is being answered."""


@dataclass(frozen=True)
class JobEnded:
    """A job gives no more replies."""

    is_cancelled: bool = False


Message = Reply | JobStarted | JobEnded


@dataclass(frozen=True)
class Envelope:
    """A message on its way from the worker to the window's thread.

    Attributes:
        message: What is told.
        job: Whose message it is; None: that nothing is left to do.
        n_requests: How many requests the worker knew of then.
    """

    message: Message
    job: Job | None
    n_requests: int = 0


@dataclass
class TabDocuments:
    """How many documents each tab had before its present one, by its number; an open one has none before.

    What was asked for an earlier document is not wanted any more. The worker reads it, the window's thread
    counts on.
    """

    numbers: dict[int, int] = field(default_factory=dict)

    def number_of(self, tab: int) -> int:
        """The number of a tab's present document."""
        return self.numbers.get(tab, 0)

    def begin_next(self, tab: int) -> None:
        """Another document is opened in a tab."""
        self.numbers[tab] = self.number_of(tab) + 1

    def is_current(self, job: Job) -> bool:
        """Whether the document that a job was asked for is still its tab's."""
        return job.tab is None or job.document_number == self.number_of(job.tab)


class ReplyDelivery(QObject):
    """Tells handles what becomes of their jobs; used in the window's thread only.

    What is replied to a tab that is not in front waits until it is in front again. Only progress, releases of
    models, which are of other tabs, and all replies of searches are told at once.

    Attributes:
        handles: Of the jobs that have not ended, by number.
    """

    replied = Signal(object)  # Reply, before the job's own handle is told
    job_ended = Signal(int)

    def __init__(self, documents: TabDocuments, parent: QObject) -> None:
        super().__init__(parent)
        self._documents = documents
        self.handles: dict[int, JobHandle] = {}
        self._front_tabs = {0}
        self._waiting: dict[int, deque[tuple[Message, Job]]] = {}  # by tab

    def set_front_tab(self, tab: int, instead_of: int | None) -> None:
        """Tell what is replied to a tab instead of another one's."""
        self._front_tabs -= {instead_of}
        self._front_tabs.add(tab)

    def deliver(self, message: Message, job: Job) -> None:
        """Tell a message, or let it wait for its tab."""
        if isinstance(message, JobEnded):
            self.handles[job.number].end_computing()
        if job.tab is None or job.is_search or isinstance(message, ProgressReported | ModelReleased):
            self._tell(message, job)
        else:
            self._waiting.setdefault(job.tab, deque()).append((message, job))
            self.deliver_waiting(job.tab)

    def has_waiting(self, tab: int) -> bool:
        """Whether messages wait for a tab."""
        return bool(self._waiting.get(tab))

    def deliver_waiting(self, tab: int) -> None:
        """Tell what was replied to a tab: where it is in front, or no longer wanted."""
        waiting = self._waiting.get(tab)
        while waiting and (tab in self._front_tabs or not self._documents.is_current(waiting[0][1])):
            self._tell(*waiting.popleft())

    def _tell(self, message: Message, job: Job) -> None:
        """Tell what still is of interest."""
        is_current = self._documents.is_current(job)
        if isinstance(message, JobEnded):
            self.job_ended.emit(job.number)
            handle = self.handles.pop(job.number)
            if message.is_cancelled or not is_current:
                handle.end_cancelled()
            else:
                handle.finish(None)  # where it had no result to give
            return
        if not is_current and not isinstance(message, ModelReleased):
            return
        handle = self.handles[job.number]
        if isinstance(message, JobStarted):
            handle.started.emit()
            return
        self.replied.emit(message)
        handle.deliver(message)
