"""Workers are compared with this process before anything is sent to them."""

from __future__ import annotations

import platform
import socket
from dataclasses import replace
from typing import Any

import pytest

from circuitviz.cluster import open_connection, parse_place
from circuitviz.cluster.connection import SAME_PACKAGES, WorkerFacts, compare_workers
from circuitviz.errors import InputError
from circuitviz.versions import package_version

HERE = {name: package_version(name) for name in SAME_PACKAGES}
SAME = WorkerFacts("tcp://a:1", platform.python_version(), HERE)


def _with(**packages: str) -> WorkerFacts:
    return replace(SAME, packages={**HERE, **{name.replace("_", "-"): v for name, v in packages.items()}})


def test_workers_like_this_process_are_taken_without_a_word() -> None:
    assert compare_workers([SAME, replace(SAME, address="tcp://b:1")]) == []


@pytest.mark.parametrize(
    ("worker", "said"),
    [
        (_with(circuitviz="not installed"), r"circuitviz is not installed on the worker tcp://a:1; .*circuitviz\[cluster\]=="),
        (_with(circuitviz="0.0.9"), "tcp://a:1 has circuitviz 0.0.9, and here is"),
        (_with(distributed="1.0"), "has distributed 1.0, and here is"),
        (replace(SAME, python="3.8.1"), "has Python 3.8.1, and here is Python"),
    ],
)  # fmt: skip
def test_a_worker_that_would_not_understand_is_refused(worker: WorkerFacts, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare_workers([SAME, worker])


def test_another_torch_is_a_warning() -> None:
    (sentence,) = compare_workers([_with(torch="1.0")])
    assert "has torch 1.0" in sentence and "last digits" in sentence


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("circuitviz.cluster.connection.import_module", missing)
    with pytest.raises(InputError, match=r"'local:2' needs Dask.*circuitviz\[cluster\]"):
        open_connection(parse_place("local:2"))


def test_an_address_where_nothing_answers_is_said_with_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("circuitviz.cluster.connection.CONNECT_TIMEOUT_S", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        InputError, match=f"No scheduler of Dask answers at 'tcp://127.0.0.1:{port}'.*dask scheduler"
    ):
        open_connection(parse_place(f"tcp://127.0.0.1:{port}"))


def test_tls_without_certificates_says_which_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match=r"names no certificates: set distributed.comm.tls.ca-file"):
        open_connection(parse_place("tls://127.0.0.1:8786"))
