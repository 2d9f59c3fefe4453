"""Nothing is cut on small screens and with large text: all panels are walked and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cut_texts import cut_texts
from opening import LONG, open_in
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea, QStyle, QStyleOptionComboBox, QWidget
from pytestqt.qtbot import QtBot

from circuitviz.__main__ import main
from circuitviz.shell.main_window import MainWindow

ROOM_FOR_BOTH_SIDES_PX = 1280  # width of a window that has panels at both sides and prompts between them
MAX_TURNS, TURN_MS = 40, 50
PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
LARGE_TEXT = 150 / 96  # 150 dpi, where the platform's text was made for 96, or 14 pt instead of 9


@pytest.fixture
def grow_text(window: MainWindow) -> Iterator[Callable[[float], None]]:
    settings, controller = window.settings, window.theme_controller
    before_pt = QApplication.font().pointSizeF()

    def grow(share: float) -> None:
        settings.text_size = round(100 * share)
        controller.apply_settings()
        assert QApplication.font().pointSizeF() == pytest.approx(before_pt * share, rel=0.01)

    yield grow
    settings.text_size = 100
    controller.apply_settings()


@pytest.mark.parametrize(
    ("size", "share"),
    [((1280, 800), 1.0), ((1024, 700), 1.0), ((1366, 768), LARGE_TEXT), ((1280, 800), LARGE_TEXT)],
)
def test_no_panel_cuts_a_text(
    window: MainWindow,
    qtbot: QtBot,
    grow_text: Callable[[float], None],
    size: tuple[int, int],
    share: float,
) -> None:
    grow_text(share)
    window.resize(*size)
    circuit = window.workspace.state.circuit
    window.workspace.select_nodes({next(name for name in circuit.node_names if ".h" in name)})
    window.workspace.comparison.add_open_circuit()
    QApplication.processEvents()
    found = [f"menu and tool bar: {each}" for each in cut_texts(window.menuBar())]

    def walk(name: str, place: str = "") -> None:
        window.dock_manager.bring_to_front(name)
        qtbot.waitUntil(lambda: window.panels[name].is_in_view, timeout=LONG)
        for _turn in range(MAX_TURNS):  # labels that wrap are laid out twice or more
            if not cut_texts(window.docks[name]):
                break
            qtbot.wait(TURN_MS)
        found.extend(f"{name}{place}: {each}" for each in cut_texts(window.docks[name]))

    for name, dock in window.docks.items():
        walk(name)
        if name == "discovery":
            dock.close()
    if size[0] >= ROOM_FOR_BOTH_SIDES_PX:
        for name in ("discovery", "prompt_editor"):  # prompts are written for the search beside them
            walk(name, " between both sides")
    found += [f"places: {each}" for each in cut_texts(window.dock_manager.places_view.strip)]
    found += [f"status bar: {each}" for each in cut_texts(window.statusBar())]
    window.workspace.tab_controller.open_empty()
    QApplication.processEvents()
    found += [f"start page: {each}" for each in cut_texts(window.start_page)]
    assert window.start_page.isVisible() and not found, "\n".join(found)


def test_a_text_that_is_cut_is_found(qtbot: QtBot, tmp_path: Path) -> None:
    root = QWidget()
    qtbot.addWidget(root)
    label = QLabel("a label that is too long for its room", root)
    label.setFixedWidth(60)
    root.resize(400, 40)
    root.show()
    assert len(cut_texts(root)) == 1
    label.setToolTip(label.text())
    assert not cut_texts(root)
    label.setToolTip("")
    label.setFixedWidth(label.sizeHint().width())
    assert not cut_texts(root)
    label.move(300, 0)
    assert "out of view" in cut_texts(root)[0]
    label.move(0, 35)
    assert "of its height" in cut_texts(root)[0]


@pytest.mark.parametrize("share", [1.0, LARGE_TEXT])
def test_all_of_a_feature_circuit_is_in_the_width_of_its_place(
    open_window: Callable[[], MainWindow], qtbot: QtBot, tmp_path: Path, share: float
) -> None:
    path = tmp_path / "local.circuit"
    words = ["local-circuit", "--prompt", PROMPT, "--target", "a2.f719@16", "--nodes", "12", "-o", str(path)]
    assert main(words) == 0
    window = open_window()
    before = window.settings.text_size
    window.settings.text_size = round(100 * share)
    window.theme_controller.apply_settings()
    window.resize(1280, 800)
    open_in(window, qtbot, path)
    window.dock_manager.bring_to_front("feature-circuit")
    panel = window.panels["feature-circuit"]
    qtbot.waitUntil(lambda: panel.is_in_view and not cut_texts(window.docks["feature-circuit"]), timeout=LONG)
    room = window.docks["feature-circuit"].rect()
    for part in (panel.curve_chart, panel.threshold_row.number_field, panel.title_label, panel.export_button):
        assert room.contains(QRect(part.mapTo(window.docks["feature-circuit"], QPoint()), part.size()), True)
    box, option = panel.query_form.method_box, QStyleOptionComboBox()
    form = panel.query_form.parentWidget().parentWidget()
    assert isinstance(form, QScrollArea) and form.verticalScrollBar().isVisible()
    kinds = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
    for row in range(box.count()):  # each method is read beside the scroll bar
        box.setCurrentIndex(row)
        QApplication.processEvents()
        box.initStyleOption(option)
        width = box.style().subControlRect(kinds[0], option, kinds[1], box).width()
        assert box.fontMetrics().horizontalAdvance(box.currentText()) <= width
    window.settings.text_size = before
    window.theme_controller.apply_settings()
