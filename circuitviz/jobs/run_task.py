"""Files and pictures are made off the window's thread: that takes as long as a circuit is large."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.cancellation import Cancelled, cancellable
from circuitviz.workbench.gc_pause import gc_paused
from circuitviz.workbench.requests.messages import Reply, Request

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True, eq=False)
class TaskDone(Reply):
    """What came of it; ``is_complete`` is false where it was stopped."""

    request: RunTask
    result: Any = None
    is_complete: bool = True


@dataclass(frozen=True, eq=False)
class RunTask(Request):
    """``work`` makes something of values that nobody changes; ``on_done`` takes it where it was asked for.

    Those of one ``key`` are one wish: a later one takes the place of one that waits. ``cancel_event`` ends it
    at its next pause; ``on_failure`` is called where nothing came of it.
    """

    key: Hashable
    work: Callable[[], Any]
    on_done: Callable[[Any], None]
    on_failure: Callable[[], None] = lambda: None
    cancel_event: threading.Event = field(default_factory=threading.Event)

    @property
    def slot(self) -> object:
        """Its own for each key."""
        return type(self), self.key

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """What was made, or InputError."""
        try:
            with cancellable(self.cancel_event.is_set), gc_paused():
                made = TaskDone(self, self.work())
        except Cancelled:
            made = TaskDone(self, is_complete=False)
        yield made
