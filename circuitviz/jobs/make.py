"""Files and pictures are made off the window's thread: that takes as long as a circuit is large."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.jobs.messages import Reply, Request
from circuitviz.jobs.unswept import unswept
from circuitviz.stopping import Stopped, stopping

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True, eq=False)
class Made(Reply):
    """What came of it; ``whole`` is false where it was stopped."""

    request: Make
    result: Any = None
    whole: bool = True


@dataclass(frozen=True, eq=False)
class Make(Request):
    """``work`` makes something of values that nobody changes; ``then`` takes it where it was asked for.

    Those of one ``key`` are one wish: a later one takes the place of one that waits. ``stopped`` ends it
    at its next pause; ``failed`` is called where nothing came of it.
    """

    key: Hashable
    work: Callable[[], Any]
    then: Callable[[Any], None]
    failed: Callable[[], None] = lambda: None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def slot(self) -> object:
        """Its own for each key."""
        return type(self), self.key

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """What was made, or InputError."""
        try:
            with stopping(self.stopped.is_set), unswept():
                made = Made(self, self.work())
        except Stopped:
            made = Made(self, whole=False)
        yield made
