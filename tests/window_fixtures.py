"""A window with its own settings, and a watch over what a test leaves behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from opening import LONG, show_example
from PySide6.QtCore import QSettings, QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from stalls import Watch

from circuitviz.document import Document, State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.resources import user_data_folder
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.libraries import load_torch, load_transformer_lens
from circuitviz.workbench.requests import feature_dashboards

# Seconds that the window may be busy at a stretch while a journey waits: on a quiet machine it is 73 ms at
# most (tests/benchmarks/bench_stalls.py); beside other processes the same work costs several times as
# much. Clicks, keys and actions are held to stalls.LONGEST one by one.
FIRST = 0.500
Open = Callable[[], MainWindow]


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unsaved work and claims of this test alone, also of processes that it starts."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def shared_indexes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for indexes of features, which are named by the hash of what they are of."""
    return tmp_path_factory.mktemp("indexes")


@pytest.fixture
def little_text(own_data: None, shared_indexes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the demo's text, so that the index is there soon; it is built once a process."""
    monkeypatch.setattr(feature_dashboards, "N_DEMO_PASSAGES", 400)
    user_data_folder().mkdir(parents=True)
    (user_data_folder() / "indexes").symlink_to(shared_indexes, target_is_directory=True)


@pytest.fixture
def steady(
    qapp: QApplication, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watch]:
    """With ``--stalls``, fails a journey in which something kept the window's thread too long (see stalls)."""
    # A window waits ten seconds for its worker; in a fresh environment the libraries take longer to import.
    load_torch()
    load_transformer_lens()
    watch = Watch()
    watch.longest = FIRST
    if not request.config.getoption("stalls"):
        yield watch
        return
    gc.freeze()  # what other tests left in this process is not this window's to sweep: that took 600 ms
    watch.install(monkeypatch)
    yield watch
    gc.unfreeze()
    assert not watch.stalls, "\n".join(map(str, watch.stalls))


@pytest.fixture
def open_window(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steady: Watch
) -> Iterator[Open]:
    """Opens real windows with a running worker; they are closed at the end, whatever happened."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    QApplication.setApplicationName("circuitviz")
    QApplication.setOrganizationName("circuitviz-test")
    before = threading.active_count()
    windows: list[MainWindow] = []

    def make() -> MainWindow:
        window = MainWindow()
        windows.append(window)
        window.resize(1280, 800)
        window.show()
        QApplication.processEvents()  # its first frame: until then there is nothing that could stall
        window.workspace.start()
        return window

    yield make
    monkeypatch.setattr(FileController, "confirm_leave", lambda self: True)
    for window in windows:
        window.close()
        assert not window.workspace.worker.isRunning()
    steady.rest()  # the person has left; taking some thousand widgets down is ours
    for window in windows:
        window.deleteLater()
    qtbot.wait(5)
    left = [t for t in threading.enumerate() if isinstance(t, QThread)]
    assert not left
    assert threading.active_count() <= before + 2, threading.enumerate()
    assert not [w for w in QApplication.topLevelWidgets() if w.isVisible()]


@pytest.fixture
def opened(open_window: Open, qtbot: QtBot) -> MainWindow:
    """The demo's circuit: found, measured, and with its curve."""
    window = open_window()
    show_example(window, qtbot)
    return window


@pytest.fixture
def window(open_window: Open, qtbot: QtBot) -> MainWindow:
    """A circuit of 70 edges of a model that is not there, in the window that has the keys."""
    graph = Graph.transformer(ModelShape(4, 6, 96))
    scores = Scores(graph, np.random.default_rng(8).normal(size=graph.mask.shape), "eap")
    made = open_window()
    made.workspace.set_document(Document(State(None, scores, scores.greedy(70))))
    made.activateWindow()
    qtbot.waitUntil(lambda: bool(made.view.circuit_scene.nodes), timeout=LONG)  # drawn in a turn of its own
    return made
