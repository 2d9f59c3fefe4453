"""Two worker processes that the tests of one process share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from circuitviz.cluster import open_connection, parse_place


@pytest.fixture(scope="session")
def connection() -> Iterator[Any]:
    """A connection to two processes of this computer."""
    pytest.importorskip("distributed")
    with open_connection(parse_place("local:2")) as opened:
        opened.client.wait_for_workers(2)
        yield opened
