"""The engines of a window's tabs on a worker: an actor of Dask that answers the window's own requests.

A computation goes on only while the window asks for it, a slice of time after the other, so that pausing,
stepping aside and cancelling are what they are beside the window: not asking for more.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from distributed.protocol.pickle import dumps, loads

from circuitviz.cancellation import Cancelled, cancellable
from circuitviz.errors import ComputationError, InputError
from circuitviz.workbench.engine_pool import EnginePool
from circuitviz.workbench.requests.messages import Reply, Request


class RemoteFaultError(RuntimeError):
    """A fault of the application on a worker; the message ends with the traceback there."""


@dataclass(frozen=True)
class ComputationSlice:
    """What a computation did in a slice of time.

    Attributes:
        replies: Its replies, in order.
        is_done: Whether nothing more comes.
        is_open: Whether the tab has a model and a task open afterwards.
        error: What it raised; ``Cancelled`` where it ended because it was cancelled.
    """

    replies: tuple[Reply, ...]
    is_done: bool
    is_open: bool
    error: BaseException | None = None


def load_slice(data: bytes) -> ComputationSlice:
    """What ``EngineHost.advance`` returned."""
    done: ComputationSlice = loads(data)
    return done


class EngineHost:
    """Engines by tab, and computations by number. Methods that are not coroutines run one after another."""

    def __init__(self) -> None:
        self._pool = EnginePool(None, lambda _tab: False)
        self._running: dict[int, tuple[int | None, Iterator[Reply]]] = {}
        self._cancelled: set[int] = set()

    def advance(self, number: int, tab: int | None, request: Request | None, slice_s: float) -> bytes:
        """Let a computation go on for a while, at least until its next reply.

        The slice is serialised here: Dask would leave who waits without an answer where that fails.

        Args:
            number: The computation's number.
            tab: Number of the tab that asks; None: it is of no tab.
            request: What is asked for, at the first time.
            slice_s: How long it goes on after a reply.

        Returns:
            The ``ComputationSlice``, as Dask serialises it.
        """
        done = self._advance(number, tab, request, slice_s)
        try:
            return dumps(done)
        except Exception as raised:  # a reply that cannot travel is a fault of ours
            return dumps(
                ComputationSlice(
                    (), True, done.is_open, RemoteFaultError(f"{type(raised).__name__}: {raised}")
                )
            )

    def _advance(
        self, number: int, tab: int | None, request: Request | None, slice_s: float
    ) -> ComputationSlice:
        if request is not None:
            self._running[number] = tab, iter(self._pool.engine(tab).execute(request))
        replies: list[Reply] = []
        error: BaseException | None = None
        is_done = False
        end_s = time.monotonic() + slice_s
        try:
            with cancellable(lambda: number in self._cancelled):
                while True:
                    reply = next(self._running[number][1], None)
                    if reply is None:
                        is_done = True
                        break
                    replies.append(reply)
                    if number in self._cancelled or time.monotonic() >= end_s:
                        break
        except (InputError, ComputationError, MemoryError, Cancelled) as raised:
            error = raised.with_traceback(None)
        except Exception as raised:  # a fault of ours: told with the traceback of this side
            error = RemoteFaultError("".join(traceback.format_exception(raised)))
        return ComputationSlice(tuple(replies), is_done or error is not None, self._pool.is_open(tab), error)

    async def cancel(self, number: int) -> None:
        """End a computation at its next look whether it is wanted; comes through while it runs."""
        self._cancelled.add(number)

    def close(self, number: int) -> Reply | None:
        """Forget a computation; returns what a search had when it was cancelled or failed."""
        self._cancelled.discard(number)
        tab, replies = self._running.pop(number, (None, iter(())))
        if hasattr(replies, "close"):
            replies.close()
        engine = self._pool.engine(tab)
        kept, engine.partial_result = engine.partial_result, None
        return kept

    def close_tab(self, tab: int) -> None:
        """Let go of what a tab has open."""
        self._pool.close(tab)
