"""Requests of the window are answered on a worker as beside the window, and end when they are cancelled."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from circuitviz.cancellation import Cancelled, cancellable
from circuitviz.errors import ComputationError
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.messages import ProgressReported

pytest.importorskip("distributed")

from circuitviz.cluster.connection import Connection
from circuitviz.cluster.place import parse_place
from circuitviz.cluster.remote_engines import RemoteEngines

pytestmark = pytest.mark.long
SEARCH = DiscoverCircuit("demo", "ioi", None, 4, 0, "eap", {}, "", "corrupted", "greedy", 40)
LONG_SEARCH = DiscoverCircuit(
    "demo", "ioi", None, 4, 0, "learned-ranking", {"training_steps": 10_000}, "", "corrupted", "greedy", 40
)


@pytest.fixture
def engines(connection: Connection) -> Iterator[RemoteEngines]:
    made = RemoteEngines(parse_place("local:2"))
    made._connection = connection
    yield made
    made._connection = None  # others use it


def test_a_search_on_a_worker_is_that_of_this_process(engines: RemoteEngines) -> None:
    from circuitviz.workbench.engine import Engine

    there, here = list(engines.engine(0).execute(SEARCH)), list(Engine().execute(SEARCH))
    assert engines.is_open(0) and not engines.is_open(1)
    found, meant = (
        next(r for r in replies if isinstance(r, SearchResult) and not r.partial) for replies in (there, here)
    )
    assert np.array_equal(found.scores.values, meant.scores.values) and found.circuit == meant.circuit
    kinds = [[type(r) for r in replies if not isinstance(r, ProgressReported)] for replies in (there, here)]
    assert kinds[0] == kinds[1]
    engines.close(0)
    assert not engines.is_open(0)


def test_a_cancelled_search_ends_there_and_leaves_what_it_had(engines: RemoteEngines) -> None:
    engine, is_cancelled = engines.engine(0), False
    with cancellable(lambda: is_cancelled), pytest.raises(Cancelled):
        for reply in engine.execute(LONG_SEARCH):
            is_cancelled = is_cancelled or isinstance(reply, SearchResult)
    assert isinstance(engine.partial_result, SearchResult) and engine.partial_result.cancelled
    assert [r for r in engine.execute(SEARCH) if isinstance(r, SearchResult) and not r.partial]


def test_a_search_that_stands_still_lets_others_be_answered(engines: RemoteEngines) -> None:
    search = engines.engine(0).execute(LONG_SEARCH)
    while not isinstance(next(search), SearchResult):
        pass
    assert [r for r in engines.engine(1).execute(SEARCH) if isinstance(r, SearchResult) and not r.partial]
    while not isinstance(next(search), SearchResult):
        pass  # it goes on where it was
    search.close()
    assert isinstance(engines.engine(0).partial_result, SearchResult)


def test_a_lost_worker_is_said_and_the_next_request_finds_another(engines: RemoteEngines) -> None:
    list(engines.engine(0).execute(SEARCH))
    search = engines.engine(0).execute(LONG_SEARCH)
    while not isinstance(next(search), SearchResult):
        pass
    address = engines._host.actor._address
    pid = engines._connection.client.run(os.getpid, workers=[address])[address]  # type: ignore[union-attr]
    os.kill(pid, signal.SIGKILL)
    replies: list[Any] = []
    with pytest.raises(ComputationError, match="The worker is lost"):
        replies.extend(search)
        for reply in search:
            replies.append(reply)
    assert not engines.is_open(0)
    assert [r for r in engines.engine(0).execute(SEARCH) if isinstance(r, SearchResult) and not r.partial]
