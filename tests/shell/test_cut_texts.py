"""Nothing is cut on small screens and with large text: all panels are walked and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cut_texts import cut_texts
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow

LONG = 20_000
MAX_TURNS, TURN_MS = 40, 50
LARGE_TEXT = 150 / 96  # 150 dpi, where the platform's text was made for 96


@pytest.fixture
def large_text(qapp: QApplication) -> Iterator[Callable[[float], None]]:
    kept = QFont(qapp.font())

    def grow(share: float) -> None:
        font = QFont(kept)
        font.setPointSizeF(kept.pointSizeF() * share)
        qapp.setFont(font)

    yield grow
    qapp.setFont(kept)


@pytest.mark.parametrize(
    ("size", "share"), [((1280, 800), 1.0), ((1024, 700), 1.0), ((1366, 768), LARGE_TEXT)]
)
def test_no_panel_cuts_a_text(
    window: MainWindow,
    qtbot: QtBot,
    large_text: Callable[[float], None],
    size: tuple[int, int],
    share: float,
) -> None:
    large_text(share)
    window.theme_controller.apply_settings()
    window.resize(*size)
    circuit = window.workspace.state.circuit
    window.workspace.select_nodes({next(name for name in circuit.node_names if ".h" in name)})
    window.workspace.comparison.add_open_circuit()
    QApplication.processEvents()
    found = [f"menu and tool bar: {each}" for each in cut_texts(window.menuBar())]
    for name, dock in window.docks.items():
        window.dock_manager.bring_to_front(name)
        qtbot.waitUntil(lambda name=name: window.panels[name].is_in_view, timeout=LONG)
        for _turn in range(MAX_TURNS):  # labels that wrap are laid out twice or more
            if not cut_texts(dock):
                break
            qtbot.wait(TURN_MS)
        found += [f"{name}: {each}" for each in cut_texts(dock)]
        if name == "discovery":
            dock.close()
    found += [f"places: {each}" for each in cut_texts(window.dock_manager.places_view.strip)]
    found += [f"status bar: {each}" for each in cut_texts(window.statusBar())]
    assert not found, "\n".join(found)


def test_a_text_that_is_cut_is_found(qtbot: QtBot, tmp_path: Path) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    label = QLabel("a label that is too long for its room", root)
    label.setFixedWidth(60)
    root.show()
    assert len(cut_texts(root)) == 1
    label.setToolTip(label.text())
    assert not cut_texts(root)
    label.setToolTip("")
    label.setFixedWidth(label.sizeHint().width())
    assert not cut_texts(root)
