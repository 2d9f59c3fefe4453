"""Panels on a workspace of their own: what they show and do is tested without the main window."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from panel_host import IOI_SEARCH, LOCAL_PROMPT, PROMPT_QUERY, PanelHost
from PySide6.QtCore import QSettings, QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from window_fixtures import little_text, own_data, shared_indexes, steady

from circuitviz.__main__ import main
from circuitviz.document import Document, PromptOrigin, State, TaskOrigin
from circuitviz.formats import save_document
from circuitviz.graph import Circuit, Scores
from circuitviz.jobs import JobHandle
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_circuit import SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import DiscoverPromptCircuit, PromptSearchResult
from circuitviz.workbench.requests.measure_curve import CurveMeasured, MeasureCurve
from circuitviz.workbench.requests.measure_faithfulness import FaithfulnessMeasured, MeasureFaithfulness
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workspace.workspace import Workspace

__all__ = ["little_text", "own_data", "shared_indexes", "steady"]


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, qapp: QApplication) -> None:
    """Settings of this test alone."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    QApplication.setApplicationName("circuitviz")
    QApplication.setOrganizationName("circuitviz-test")


@pytest.fixture
def idle_host(qtbot: QtBot) -> Iterator[PanelHost]:
    """Panels without a worker: a test reads what was submitted and delivers the replies itself."""
    workspace = Workspace()
    host = PanelHost(qtbot, workspace)

    def submit(request: Request, *_: object, **__: object) -> JobHandle:
        host.requests.append(JobHandle(request, lambda: None))
        return host.requests[-1]

    workspace.worker.submit = submit  # type: ignore[method-assign]
    yield host
    workspace.stop()


@pytest.fixture
def host(qtbot: QtBot, steady: object) -> Iterator[PanelHost]:
    """Panels with a running worker, without a document."""
    workspace = Workspace()
    n_threads = threading.active_count()
    workspace.start()
    yield PanelHost(qtbot, workspace)
    workspace.stop()
    assert not workspace.worker.isRunning()
    assert not [thread for thread in threading.enumerate() if isinstance(thread, QThread)]
    assert threading.active_count() <= n_threads + 2, threading.enumerate()


@pytest.fixture
def demo_host(host: PanelHost, demo_file: Path) -> PanelHost:
    """Panels with the demo model's circuit for IOI: measured, with its curve, its model open."""
    host.open_document(demo_file)
    return host


@pytest.fixture
def prompt_host(host: PanelHost, prompt_file: Path) -> PanelHost:
    """Panels with a circuit of the demo's features on one prompt, measured, its model open."""
    host.open_document(prompt_file)
    host.wait_until_measured()
    return host


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's circuit for IOI as a file, with its faithfulness and its curve."""
    engine = Engine()
    result = _last(engine, IOI_SEARCH, SearchResult)
    assert isinstance(result.origin, TaskOrigin)
    requirements = result.origin.requirements
    document = _document(result.origin, result.scores, result.circuit)
    key = document.state.measurement_key
    measured = _last(
        engine, MeasureFaithfulness(result.circuit, key, requirements=requirements), FaithfulnessMeasured
    )
    document.store_evaluation(key, measured.evaluation)
    curve = _last(engine, MeasureCurve(result.scores, "greedy", requirements), CurveMeasured)
    document.curve = [dict(point) for point in curve.points]
    return _saved(document, tmp_path_factory.mktemp("demo") / "ioi.circuit")


@pytest.fixture(scope="session")
def prompt_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A circuit of the demo's features that answers ``PROMPT_QUERY``, as a file."""
    result = _last(Engine(), DiscoverPromptCircuit(PROMPT_QUERY), PromptSearchResult)
    assert isinstance(result.origin, PromptOrigin)
    document = _document(result.origin, result.scores, result.circuit)
    return _saved(document, tmp_path_factory.mktemp("prompt") / "prompt.circuit")


@pytest.fixture(scope="session")
def local_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local circuit of one feature, as the command line writes it."""
    path = tmp_path_factory.mktemp("local") / "local.circuit"
    words = ["local-circuit", "--prompt", LOCAL_PROMPT, "--target", "a2.f719@16", "--nodes", "40"]
    assert main([*words, "-o", str(path)]) == 0
    return path


R = TypeVar("R", bound=Reply)


def _last(engine: Engine, request: Request, kind: type[R]) -> R:
    *_, reply = engine.execute(request)
    assert isinstance(reply, kind)
    return reply


def _document(origin: TaskOrigin | PromptOrigin, scores: Scores, circuit: Circuit) -> Document:
    return Document(State(origin, scores, circuit))


def _saved(document: Document, path: Path) -> Path:
    save_document(document, path)
    return path
