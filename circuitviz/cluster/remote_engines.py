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
from circuitviz.cluster.place import Place
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
                slice_bytes = host.advance(number, self._tab, given, SLICE_S)
                done = host_module().load_slice(_wait(slice_bytes, partial(host.cancel, number)))
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
                    self.partial_result = _wait(host.close(number))


class RemoteEngines:
    """Engines by the number of their tab, on one worker of a place, which is reached with the first request.

    Args:
        place: The place.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._engines: dict[int | None, RemoteEngine] = {}
        self._connection: Connection | None = None
        self._host: Any = None
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
                _wait(self._host.close_tab(tab))

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

    def is_host(self, host: Any) -> bool:
        """Whether a host is still the one that is asked."""
        return self._host is host

    def reach_host_steps(self) -> Generator[Reply, None, Any]:
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
            client = self._connection.client
            host = _wait(client.submit(host_module().EngineHost, actor=True, pure=False))
            with client.as_current():
                _ = host.advance  # at the first use of a method an actor takes the client that is current
            self._host = host
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


def _wait(future: Any, on_cancel: Callable[[], object] = lambda: None) -> Any:
    """The result of an actor's future, whether or not it is still wanted.

    Args:
        future: The future.
        on_cancel: Called once where it is not wanted any more, so that it comes sooner.
    """
    is_told = False
    while not future.done():
        try:
            check_cancelled()
        except Cancelled:
            if not is_told:
                is_told = True
                on_cancel()
        time.sleep(POLL_INTERVAL_S)
    try:
        return future.result()
    except Exception as error:
        raise WorkerLostError(
            f"The worker is lost, and what was open there with it ({first_error_line(error)}). The document "
            "is as it was; open its model again to go on."
        ) from error
