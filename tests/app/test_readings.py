"""Readings through the real window: what is shown is what the engine computes, clicks select, CSV agrees."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.app.main import begin
from circuitviz.app.window import MainWindow
from circuitviz.lens import lens_grid
from circuitviz.models import load_model
from circuitviz.panels.heat import HeatMap
from circuitviz.session.origin import task_of

LONG = 90_000


def opened(open_window, qtbot: QtBot) -> MainWindow:
    """The demo's circuit, found and measured, with the readings in front."""
    window: MainWindow = open_window()
    begin(window, None, None, None, demo=True)
    qtbot.waitUntil(lambda: window.desk.document.evaluation is not None, timeout=LONG)
    qtbot.waitUntil(lambda: len(window.desk.document.curve) == 10, timeout=LONG)
    window.places.bring("readings")
    return window


def page_of(window: MainWindow, qtbot: QtBot, name: str):
    """A page, brought to the front by its button, with what it reads."""
    panel = window.panels["readings"]
    qtbot.mouseClick(panel.buttons[name], Qt.MouseButton.LeftButton)
    page = panel.by_name[name]
    settled(page, qtbot)
    return page


def settled(page, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page._asked is not None and page._shown == page._asked, timeout=LONG)


def click(qtbot: QtBot, map_: HeatMap, row: int, column: int) -> None:
    place = map_.centre_of(row, column).toPoint()
    qtbot.mouseClick(map_, Qt.MouseButton.LeftButton, pos=place)


def table(map_, path: Path) -> list[dict[str, str]]:
    map_.save(path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def engine(window: MainWindow):
    """The model and the task, opened apart from the window."""
    model = load_model("demo")
    return model, task_of(window.desk.document.state.provenance, model)


def test_the_lens_shows_what_the_stream_and_a_node_say(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    model, task = engine(window)
    page = page_of(window, qtbot, "lens")
    shoot(window, "readings-lens")
    window.desk.choose_prompt(2)
    settled(page, qtbot)
    grid = lens_grid(model, task, "", 2)
    top = [[cell.top[0] for cell in row] for row in grid.cells[::-1]]
    assert page.map.grid.texts == [[t.token.strip() for t in row] for row in top]
    assert page.map.grid.values == pytest.approx(np.array([[t.probability for t in row] for row in top]))
    rows = table(page.map, tmp_path / "lens.csv")
    assert len(rows) == 10 * page.map.grid.values.size
    first = [row for row in rows if row["row"] == page.map.grid.rows[0] and row["rank"] == "1"]
    assert [float(row["probability"]) for row in first] == page.map.grid.values[0].tolist()

    # a cell opens its tokens; the last row is the model's own end and selects the logits
    click(qtbot, page.map, 0, len(grid.tokens) - 1)
    assert page.card.isVisible() and window.desk.nodes == {"logits"}
    assert [t.token for t in page.card.top] == [t.token for t in grid.cells[-1][-1].top]
    assert any(t.token in page.card.correct for t in page.card.answers)
    shoot(window, "readings-lens-cell")
    qtbot.keyClick(page.map, Qt.Key.Key_Escape)
    assert not page.card.isVisible()

    # one node: its tokens at each position; it follows the selection
    page.subject.setCurrentText("Selected node")
    window.desk.select(frozenset({"a2.h6"}), frozenset())
    page.follow()
    settled(page, qtbot)
    one = lens_grid(model, task, "a2.h6", 2).cells[0]
    assert page.map.grid.values[0].tolist() == pytest.approx([cell.top[0].logit for cell in one])
    shoot(window, "readings-lens-node")
    for suffix in (".svg", ".pdf", ".png"):
        page.map.save(tmp_path / f"lens{suffix}")
        assert (tmp_path / f"lens{suffix}").stat().st_size > 500
    svg = (tmp_path / "lens.svg").read_text()
    assert "<image" not in svg and "<text" in svg
