"""Files of circuits, a window that has them in tabs, and answers to what it asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opening import open_in
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State
from circuitviz.formats import save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.shell.main_window import MainWindow


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three circuits of models that are not there."""
    paths = []
    for seed, name in enumerate(("one", "two", "three")):
        graph = Graph.transformer(ModelShape(3 + seed, 4, 64))
        scores = Scores(graph, np.random.default_rng(seed).normal(size=graph.mask.shape), "eap")
        path = tmp_path / f"{name}.circuit"
        save_document(Document(State(None, scores, scores.greedy(40 + seed))), path)
        paths.append(path)
    return paths


@pytest.fixture
def three(open_window: Any, qtbot: QtBot, files: list[Path]) -> MainWindow:
    """A window with three files in tabs, the last in front."""
    window: MainWindow = open_window()
    for path in files:
        open_in(window, qtbot, path)
    window.activateWindow()
    return window


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the window asked, and what it is told."""
    record: dict[str, Any] = {"texts": [], "answer": QMessageBox.StandardButton.Cancel}

    def question(_parent: object, _title: str, text: str, *_: object) -> QMessageBox.StandardButton:
        record["texts"].append(text)
        return record["answer"]

    monkeypatch.setattr(QMessageBox, "question", question)
    return record
