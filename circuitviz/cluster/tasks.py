"""What a task that runs on a worker of Dask can find out about itself."""

from __future__ import annotations

from collections.abc import Callable

import distributed


def cancellation_of_task() -> Callable[[], bool]:
    """A function that says whether the task that runs in this thread is not wanted any more."""
    try:
        worker = distributed.get_worker()
    except ValueError:  # called outside a worker
        return lambda: False
    key = worker.get_current_task()

    def is_cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return is_cancelled
