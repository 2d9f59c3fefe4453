"""Engines on a worker, for the thread that has them beside the window otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from circuitviz.cancellation import Cancelled, check_cancelled
from circuitviz.cluster.connection import Connection, open_connection
from circuitviz.cluster.place import ComputePlace
from circuitviz.errors import ComputationError, first_error_line
from circuitviz.workbench.requests.messages import ModelReleased, ProgressReported, Reply, Request

SLICE_S = 0.05  # of a computation between two looks whether the window wants something else
POLL_INTERVAL_S = 0.002
CONNECTING = "Connecting"


class RemoteEngine:
    """What a tab asks of the worker; the same computations as of an ``Engine`` beside the window.

    Attributes:
        partial_result: What a search had when it was cancelled or failed.
        is_open: Whether the tab has a model and a task open there.
    """

    def __init__(self, engines: RemoteEngines, tab: int | None) -> None:
        self._engines, self._tab = engines, tab
        self.partial_result: Reply | None = None
        self.is_open = False

    def execute(self, request: Request) -> Generator[Reply, None, None]:
        """Replies to a request, one after another; to close it ends the computation there.

        Raises:
            ComputationError: The worker is lost, with all that was open there.
        """
        host, number = (yield from self._engines.reach_host_steps()), self._engines.next_number()
        given: Request | None = request
        try:
            while True:
                cancel = partial(host.actor.cancel, number)
                slice_bytes = host.call("advance", number, self._tab, given, SLICE_S, on_cancel=cancel)
                done = host_module().load_slice(slice_bytes)
                given = None
                self.is_open = done.is_open
                yield from done.replies
                if done.error is not None:
                    raise done.error
                if done.is_done:
                    return
        except WorkerLostError as error:
            tabs = self._engines.forget_host()
            yield ModelReleased("", tabs, is_lost=True)
            raise ComputationError(str(error)) from None
        finally:
            if self._engines.is_host(host):
                with suppress(WorkerLostError):
                    self.partial_result = host.call("close", number)


class RemoteEngines:
    """Engines by the number of their tab, on one worker of a place, which is reached with the first request.

    Args:
        place: The place.
    """

    def __init__(self, place: ComputePlace) -> None:
        self.place = place
        self._engines: dict[int | None, RemoteEngine] = {}
        self._connection: Connection | None = None
        self._host: _Host | None = None
        self._number = 0

    def engine(self, tab: int | None) -> RemoteEngine:
        """The engine of a tab; None: that of what is of no tab."""
        return self._engines.setdefault(tab, RemoteEngine(self, tab))

    def is_open(self, tab: int | None) -> bool:
        """Whether a tab has a model and a task."""
        return tab is not None and tab in self._engines and self._engines[tab].is_open

    def close(self, tab: int) -> None:
        """Let go of what a tab has open."""
        if self._engines.pop(tab, None) is not None and self._host is not None:
            with suppress(WorkerLostError):
                self._host.call("close_tab", tab)

    def close_all(self) -> None:
        """Leave the worker; processes that were started for this end."""
        self._host = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def next_number(self) -> int:
        """A number for a computation."""
        self._number += 1
        return self._number

    def is_host(self, host: _Host) -> bool:
        """Whether a host is still the one that is asked."""
        return self._host is host

    def reach_host_steps(self) -> Generator[Reply, None, _Host]:
        """The actor with the engines, made or connected to where there is none yet."""
        if self._host is None:
            yield ProgressReported(CONNECTING, 0.0, self.place.text)
            if self._connection is None:
                connection = open_connection(self.place)
                try:
                    connection.check_workers()
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
            self._host = _Host(self._connection.client)
        return self._host

    def forget_host(self) -> tuple[int, ...]:
        """The worker is lost; returns the tabs that had a model there."""
        self._host = None
        tabs = tuple(tab for tab, engine in self._engines.items() if tab is not None and engine.is_open)
        for engine in self._engines.values():
            engine.is_open = False
        return tabs


def host_module() -> ModuleType:
    """The module that needs Dask; whether that is there is known once a connection is open."""
    return import_module("circuitviz.cluster.engine_host")


class WorkerLostError(RuntimeError):
    """The worker that had the engines is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The worker is lost, and what was open there with it ({reason}). The document is as it was; "
            "open its model again to go on."
        )


class _Host:
    """The actor on the worker, which lives as long as its future is kept.

    Args:
        client: Dask's client.

    Attributes:
        actor: The actor.
    """

    def __init__(self, client: Any) -> None:
        self._future = client.submit(host_module().EngineHost, actor=True, pure=False)
        self.actor = self._wait_for(self._future)
        with client.as_current():
            _ = self.actor.advance  # at the first use of a method an actor takes the client that is current

    def call(self, method: str, *args: Any, on_cancel: Callable[[], object] = lambda: None) -> Any:
        """What a method of the actor returns, whether or not it is still wanted.

        Args:
            method: Name of the method.
            *args: Its arguments.
            on_cancel: Called once where the result is not wanted any more, so that it comes sooner.

        Raises:
            WorkerLostError: The worker is gone.
        """
        return self._wait_for(getattr(self.actor, method)(*args), on_cancel)

    def _wait_for(self, result: Any, on_cancel: Callable[[], object] = lambda: None) -> Any:
        is_told = False
        while not result.done():
            if self._future.status not in ("pending", "finished"):  # an answer may never come then
                raise WorkerLostError(f"Dask says that it is {self._future.status}")
            try:
                check_cancelled()
            except Cancelled:
                if not is_told:
                    is_told = True
                    on_cancel()
            time.sleep(POLL_INTERVAL_S)
        try:
            return result.result()
        except Exception as error:
            raise WorkerLostError(first_error_line(error)) from error
