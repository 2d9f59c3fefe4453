"""Tasks run off the window's thread, those of one lane in order, and every handle hears how its task ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.jobs.event_loop_queue import EventLoopQueue
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.task_pool import TaskPool
from circuitviz.workbench.requests.messages import JobFailed


@pytest.fixture
def pool(qtbot: QtBot) -> Iterator[TaskPool]:
    """A pool that is stopped at the end."""
    queue = EventLoopQueue()
    pool = TaskPool(queue)
    yield pool
    pool.stop()


def listen(handle: JobHandle) -> list[object]:
    """What a handle's last signals tell."""
    heard: list[object] = []
    handle.finished.connect(heard.append)
    handle.failed.connect(heard.append)
    handle.cancelled.connect(lambda: heard.append("cancelled"))
    return heard


def test_a_result_arrives_in_the_thread_that_asked(pool: TaskPool, qtbot: QtBot) -> None:
    threads: list[object] = []
    handle = pool.submit(threading.get_ident, lane="a", title="t")
    handle.finished.connect(lambda _result: threads.append(threading.get_ident()))
    heard = listen(handle)
    assert not heard  # never from inside submit
    qtbot.waitUntil(lambda: bool(heard))
    assert threads == [threading.get_ident()] and heard != threads and not handle.is_active


def test_tasks_of_one_lane_keep_their_order_and_never_overlap(pool: TaskPool, qtbot: QtBot) -> None:
    running, order, overlaps = threading.Semaphore(1), [], []

    def work(number: int) -> None:
        overlaps.append(not running.acquire(blocking=False))
        order.append(number)
        running.release()

    for number in range(50):
        last = pool.submit(partial(work, number), lane="write", title="t")
    heard = listen(last)
    qtbot.waitUntil(lambda: bool(heard))
    assert order == list(range(50)) and not any(overlaps)


def test_lanes_do_not_wait_for_each_other(pool: TaskPool, qtbot: QtBot) -> None:
    gate = threading.Event()
    slow = listen(pool.submit(partial(gate.wait, 10), lane="export", title="t"))
    quick = listen(pool.submit(lambda: 7, lane="save", title="t"))
    qtbot.waitUntil(lambda: quick == [7])
    assert not slow
    gate.set()
    qtbot.waitUntil(lambda: slow == [True])


def test_a_later_task_of_the_same_key_takes_the_place_of_earlier_ones(pool: TaskPool, qtbot: QtBot) -> None:
    begun, gate, done = threading.Event(), threading.Event(), []

    def hold_lane() -> None:
        begun.set()
        gate.wait(10)

    running = listen(pool.submit(hold_lane, lane="draw", title="t", key="k"))
    assert begun.wait(10)  # one that has not begun is cancelled at once, and the next one runs
    waiting = listen(pool.submit(lambda: done.append("waiting"), lane="draw", title="t", key="k"))
    other = listen(pool.submit(lambda: 1, lane="draw", title="t", key="other"))
    latest = listen(pool.submit(lambda: 2, lane="draw", title="t", key="k"))
    gate.set()
    qtbot.waitUntil(lambda: latest == [2])
    assert running == waiting == ["cancelled"] and other == [1] and not done


def test_a_task_is_cancelled_where_it_waits_and_where_it_runs(pool: TaskPool, qtbot: QtBot) -> None:
    begun = threading.Event()

    def endless() -> None:
        begun.set()
        while True:
            check_cancelled()

    running, waiting = (pool.submit(endless, lane="a", title="t") for _ in range(2))
    heard = listen(running), listen(waiting)
    qtbot.waitUntil(begun.is_set)
    waiting.cancel()
    running.cancel()
    qtbot.waitUntil(lambda: heard == (["cancelled"], ["cancelled"]))


def test_what_was_done_before_it_heard_of_the_cancel_is_told_as_done(pool: TaskPool, qtbot: QtBot) -> None:
    """A file that is on the disk is there, whatever the person wanted."""
    begun, gate = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        gate.wait(10)
        return "written"

    handle = pool.submit(work, lane="a", title="t")
    heard = listen(handle)
    qtbot.waitUntil(begun.is_set)
    handle.cancel()
    gate.set()
    qtbot.waitUntil(lambda: heard == ["written"])


@pytest.mark.parametrize(("error", "is_internal"), [(InputError("wrong"), False), (ValueError("ours"), True)])
def test_a_failure_names_the_operation(
    pool: TaskPool, qtbot: QtBot, error: Exception, is_internal: bool
) -> None:
    def work() -> None:
        raise error

    heard = listen(pool.submit(work, lane="a", title="Could not count"))
    qtbot.waitUntil(lambda: bool(heard))
    (failure,) = heard
    assert isinstance(failure, JobFailed)
    assert failure.title == "Could not count" and str(error) in failure.message
    assert failure.is_internal_error is is_internal and bool(failure.details) is is_internal


def test_finish_waits_for_a_lane_and_delivers(pool: TaskPool) -> None:
    heard = [listen(pool.submit(lambda: 3, lane="save", title="t")) for _ in range(5)]
    pool.finish("save")
    assert heard == [[3]] * 5


def test_stop_cancels_what_runs(qtbot: QtBot) -> None:
    pool = TaskPool(EventLoopQueue(None))  # type: ignore[arg-type]
    begun, ended = threading.Event(), threading.Event()

    def endless() -> None:
        begun.set()
        try:
            while True:
                check_cancelled()
        finally:
            ended.set()

    pool.submit(endless, lane="a", title="t")
    qtbot.waitUntil(begun.is_set)
    pool.stop()
    assert ended.is_set()
