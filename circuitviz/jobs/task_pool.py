"""Files and pictures are read, written and drawn on pool threads: none of that needs the model.

Tasks are put into lanes. Those of one lane run one after another in the order they were asked for, so that
two writes to one path cannot overtake each other; lanes run side by side, so that a long export keeps
neither a document from the disk nor a preview from the screen.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, Signal

from circuitviz.cancellation import Cancelled, cancellable, check_cancelled
from circuitviz.jobs.event_loop_queue import EventLoopQueue
from circuitviz.jobs.failure import describe_failure
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.workbench.gc_pause import gc_paused

MAX_THREADS = 6  # one for each lane of the application
MAX_SHUTDOWN_S = 10.0  # for tasks that were cancelled; what is written is waited for

log = logging.getLogger(__name__)
_abandoned_pools: list[QThreadPool] = []


def has_abandoned_tasks() -> bool:
    """Whether a cancelled task did not come back in time: the process must not wait for it."""
    return any(pool.activeThreadCount() for pool in _abandoned_pools)


@dataclass(eq=False)
class _PoolTask:
    """A function to run. It holds no Qt object: a pool thread may be the last to let go of it."""

    work: Callable[[], Any]
    title: str
    key: Hashable
    cancel_event: threading.Event = field(default_factory=threading.Event)
    is_superseded: bool = False  # a later task of the same key takes its place: nobody wants its result
    end: Callable[[JobHandle], None] = JobHandle.end_cancelled  # emits the last signal of its handle


class TaskPool(QObject):
    """Runs functions that touch neither Qt objects nor the model on a ``QThreadPool``."""

    _task_ended = Signal()

    def __init__(self, event_loop_queue: EventLoopQueue, parent: QObject | None = None) -> None:
        """Make a pool whose signals come one for each turn of the event loop.

        Args:
            event_loop_queue: Delivers them, with those of the worker.
            parent: Owns the pool.
        """
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(MAX_THREADS)
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[_PoolTask]] = {}
        self._running: dict[str, _PoolTask] = {}
        self._ended: deque[_PoolTask] = deque()
        self._handles: dict[_PoolTask, JobHandle] = {}  # used in the window's thread only
        self._event_loop_queue = event_loop_queue
        self._task_ended.connect(lambda: self._event_loop_queue.add(self._deliver_next))

    def submit(
        self,
        work: Callable[[], Any],
        *,
        lane: str,
        title: str,
        key: Hashable = None,
        replaces_running: bool = True,
    ) -> JobHandle:
        """Run ``work`` after whatever waits in its lane.

        Args:
            work: Called on a pool thread, with garbage collection paused; may raise InputError. It calls
                ``check_cancelled`` where it can end.
            lane: Tasks of one lane never run at the same time.
            title: Names the operation that failed, if it fails.
            key: A later task with the same key takes the place of the earlier one; None: none does.
            replaces_running: Whether that is so of a task that is running already, too.

        Returns:
            The handle, whose ``finished`` carries what ``work`` returned.
        """
        task = _PoolTask(work, title, key)
        handle = self._handles[task] = JobHandle(key, partial(self._cancel, lane, task))
        with self._lock:
            waiting = self._waiting.setdefault(lane, deque())
            running = [self._running[lane]] if replaces_running and lane in self._running else []
            earlier = [] if key is None else [*waiting, *running]
            waiting.append(task)
            is_idle = lane not in self._running
            if is_idle:
                self._running[lane] = task  # until the lane's thread takes it
        for other in earlier:
            if other.key == key:
                other.is_superseded = True
                self._cancel(lane, other)
        if is_idle:
            self._pool.start(partial(self._run_lane, lane))
        return handle

    def finish(self, *lanes: str) -> None:
        """Wait until everything in some lanes is done, and deliver what came of it: the window is going."""
        while any(self._is_busy(lane) for lane in lanes):
            self._pool.waitForDone(20)
            self._deliver_all()
        self._deliver_all()

    def stop(self) -> None:
        """Cancel everything and end the threads; a task that does not come back in time is left behind."""
        with self._lock:
            tasks = [task for waiting in self._waiting.values() for task in waiting]
            tasks += self._running.values()
        for task in tasks:
            task.cancel_event.set()
        if not self._pool.waitForDone(round(1000 * MAX_SHUTDOWN_S)):
            log.warning("%d tasks did not end in %g s", self._pool.activeThreadCount(), MAX_SHUTDOWN_S)
            self._pool.setParent(None)
            _abandoned_pools.append(self._pool)
        self._event_loop_queue.clear()

    def _is_busy(self, lane: str) -> bool:
        with self._lock:
            return lane in self._running

    def _cancel(self, lane: str, task: _PoolTask) -> None:
        task.cancel_event.set()
        with self._lock:
            waiting = self._waiting.get(lane, deque())
            if task not in waiting or self._running.get(lane) is task:
                return  # it ends by itself
            waiting.remove(task)
            self._ended.append(task)
        self._task_ended.emit()

    def _run_lane(self, lane: str) -> None:
        """On a pool thread: run the lane's tasks until none waits."""
        while True:
            with self._lock:
                waiting = self._waiting.get(lane)
                if not waiting:
                    self._running.pop(lane, None)
                    return
                task = self._running[lane] = waiting.popleft()
            task.end = self._run_task(task)
            with self._lock:
                self._ended.append(task)
            self._task_ended.emit()

    @staticmethod
    def _run_task(task: _PoolTask) -> Callable[[JobHandle], None]:
        """On a pool thread: what its handle is to be told."""
        log.debug("task %r begins", task.key)
        try:
            with cancellable(task.cancel_event.is_set), gc_paused():
                check_cancelled()
                result = task.work()
        except Cancelled:
            return JobHandle.end_cancelled
        except Exception as error:
            failure = describe_failure(error, task.title)
            return lambda handle: handle.fail(failure)
        return lambda handle: handle.finish(result)

    def _deliver_next(self) -> None:
        with self._lock:
            task = self._ended.popleft() if self._ended else None
        if task is None:
            return
        handle = self._handles.pop(task)
        del task.work  # what it holds is let go of in this thread
        if task.is_superseded:
            handle.end_cancelled()
        else:
            task.end(handle)

    def _deliver_all(self) -> None:
        while self._ended:
            self._deliver_next()
