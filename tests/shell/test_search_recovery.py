"""A search that ends before its end costs seconds, not all that it had found: killed, or failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opening import LONG
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from circuitviz import discovery
from circuitviz.errors import ComputationError
from circuitviz.resources import user_data_folder
from circuitviz.shell.application import open_arguments
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit

ASKED = ("demo", "ioi", None, 8, 0, "exact", {}, "logit-diff", "corrupted", "greedy", 40)
SEARCHING = f"""
import sys
from PySide6.QtCore import QSettings, QTimer
QSettings.setDefaultFormat(QSettings.Format.IniFormat)
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, sys.argv[1])
from circuitviz.shell import application
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
def begun(window, *_given):
    search = DiscoverCircuit(*{ASKED!r})
    QTimer.singleShot(0, lambda: window.workspace.start_discovery(search))
application.open_arguments = begun
application.run_application(None, None, None, False)
"""


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The application at work on an exact search, in a process of its own."""
    QApplication.setOrganizationName("circuitviz")  # as the application itself does
    process = subprocess.Popen(
        [sys.executable, "-c", SEARCHING, str(tmp_path / "settings")],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.long
def test_a_search_that_was_killed_is_found_again(
    open_window, searching: subprocess.Popen[str], qtbot: QtBot
) -> None:
    folder, end = user_data_folder() / "recovery", time.monotonic() + LONG / 1000
    while not list(folder.glob("[!.]*.circuit")) and time.monotonic() < end:
        time.sleep(0.05)
    searching.send_signal(signal.SIGKILL)
    searching.wait()
    window: MainWindow = open_window()
    assert window.crash_recovery.folder == folder
    open_arguments(window, None, None, None, demo=False)
    dialog = window.crash_recovery.dialog
    assert dialog is not None and dialog.list_widget.count() == 1
    assert "exact on demo, ioi, not finished" in dialog.list_widget.item(0).text()
    with qtbot.waitSignal(window.workspace.document_shown, timeout=LONG):
        qtbot.mouseClick(dialog.open_button, Qt.MouseButton.LeftButton)
    state, document = window.workspace.document.state, window.workspace.document
    assert state.scores is not None and state.scores.partial and state.scores.method == "exact"
    assert state.circuit is not None and 0 < state.circuit.n_edges <= 40
    assert state.origin is not None and state.origin.prompts == 8
    assert document.is_dirty and document.path is None


def test_what_a_failing_search_had_is_kept(
    open_window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = discovery.discover_steps

    def failing(*given, **more):  # type: ignore[no-untyped-def]
        for step in real(*given, **more):
            yield step
            if step.partial is not None:
                raise ComputationError("The weights overflowed.")

    monkeypatch.setattr(discovery, "discover_steps", failing)
    window: MainWindow = open_window()
    told: list[str] = []
    window.workspace.failure_reported.connect(lambda failed: told.append(failed.message))
    window.workspace.start_discovery(DiscoverCircuit(*ASKED))
    qtbot.waitUntil(lambda: told == ["The weights overflowed."], timeout=LONG)
    qtbot.waitUntil(lambda: window.workspace.document.state.scores is not None, timeout=LONG)
    for dialog in window.findChildren(QDialog):
        dialog.close()
    state = window.workspace.document.state
    assert state.scores is not None and state.scores.partial and state.origin is not None
    assert window.workspace.partial_result is None and window.workspace.document.is_dirty
    window.crash_recovery.document_autosave.flush()
    assert len(list(window.crash_recovery.folder.glob("*.circuit"))) >= 1
    assert not window.workspace.search_queue.searches and not window.workspace.undo_stack.canUndo()
