"""What the window's worker does to the process while it opens a model."""

from __future__ import annotations

import sys

import pytest
from opening import LONG
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.models import deferred_imports
from circuitviz.shell.main_window import MainWindow


def test_no_import_is_deferred_while_the_worker_opens_a_model(
    open_window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str] = []
    monkeypatch.setattr(deferred_imports, "_add_placeholder", added.append)
    monkeypatch.setattr(deferred_imports, "_is_allowed", True)  # the window has threads, whoever allows it
    finders = sys.meta_path
    window: MainWindow = open_window()
    form = window.panels["discovery"]
    qtbot.waitUntil(lambda: form.method_box.count() > 1, timeout=LONG)
    form.method_box.setCurrentText("eap")
    form.prompts_field.setValue(2)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.opened_model is not None, timeout=LONG)
    assert not added and sys.meta_path is finders
