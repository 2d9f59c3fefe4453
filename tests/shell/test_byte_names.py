"""A file whose name is no UTF-8 opens, is named, saved and opened again in the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.document import Label, set_label
from circuitviz.formats import open_document
from circuitviz.shell.main_window import MainWindow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes there")


def test_the_window_takes_such_a_name(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.circuit")
    saved: list[bool] = []
    window.file_controller.save_to(path, saved.append)
    qtbot.waitUntil(lambda: saved == [True])
    assert "caf" in window.windowTitle() and window.settings.recent_files == [path]
    window.start_page.show_recent_files(window.settings.recent_files)
    window.workspace.apply_command(set_label("m0", Label("x")))
    window.file_controller.save_document(saved.append)
    qtbot.waitUntil(lambda: saved == [True, True])
    assert set(open_document(path).state.labels) == {"m0"}
    window.file_controller.open_path(path)
    qtbot.waitUntil(lambda: window.workspace.document.path == path and not window.workspace.document.is_dirty)
