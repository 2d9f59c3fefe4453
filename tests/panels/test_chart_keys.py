"""Charts without a mouse: arrow keys walk over bars and points, Return selects what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from circuitviz.panels.widgets.arrow_keys import nearest_in_direction
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.shapes.charts import charts

UP, DOWN, LEFT, RIGHT = Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right


@pytest.fixture
def chart(qtbot: QtBot) -> ChartView:
    made = ChartView()
    qtbot.addWidget(made)
    made.resize(400, 300)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    return made


def effects(number: int) -> dict[str, object]:
    nodes = [
        {"node": f"a{i // 8}.h{i % 8}", "value": (number - i) * (-1.0) ** i, "low": None, "high": None}
        for i in range(number)
    ]
    return {"nodes": nodes}


def test_bars_are_walked_read_and_selected_by_keys(chart: ChartView, qtbot: QtBot) -> None:
    read: list[str] = []
    chosen: list[tuple[str, ...]] = []
    chart.hover_text_changed.connect(read.append)
    chart.nodes_clicked.connect(chosen.append)
    chart.draw_result("effects", effects(40))
    assert chart.accessibleName() == "Chart: direct effects, the strongest on top"
    assert chart.focusPolicy() & Qt.FocusPolicy.TabFocus
    chart.clearFocus()
    chart.setFocus(Qt.FocusReason.OtherFocusReason)  # a button beside it was disabled: nothing is read out
    assert not read
    chart.clearFocus()
    chart.setFocus(Qt.FocusReason.TabFocusReason)
    assert read == ["a0.h0: +40.0000"] and chart.accessibleDescription() == "a0.h0: +40.0000; 1 of 40"
    qtbot.keyClick(chart, DOWN)
    assert chart.accessibleDescription() == "a0.h1: -39.0000; 2 of 40" and not chosen
    qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert chosen == [("a0.h1",)]
    qtbot.keyClick(chart, RIGHT)  # bars lie below one another: right is the next
    qtbot.keyClick(chart, LEFT)
    qtbot.keyClick(chart, UP)
    qtbot.keyClick(chart, UP)
    assert read[-1].startswith("a0.h0:")

    # a bar out of sight comes into sight; a chart that is drawn anew keeps the place
    qtbot.keyClick(chart, Qt.Key.Key_End)
    assert read[-1] == "a4.h7: -1.0000"
    y_range = chart.visible_ranges[1]
    assert y_range[0] <= chart.hover_regions[-1].y <= y_range[1]
    chart.draw_result("effects", effects(12))
    qtbot.keyClick(chart, Qt.Key.Key_Space)
    assert chosen[-1] == ("a1.h3",)
    chart.clear()
    qtbot.keyClick(chart, DOWN)
    qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert len(chosen) == 2
    chart.setAccessibleName("Direct effects, sorted")
    chart.draw_result("effects", effects(3))
    assert chart.accessibleName() == "Direct effects, sorted"


def test_the_mark_is_seen_while_the_keyboard_is_there(chart: ChartView, qtbot: QtBot) -> None:
    chart.draw_result("effects", effects(5))
    chart.clearFocus()
    plain = chart.grab().toImage()
    chart.setFocus(Qt.FocusReason.TabFocusReason)
    marked = chart.grab().toImage()
    assert marked != plain
    accent = QColor(chart.theme.accent)
    near = [
        (x, y)
        for x in range(0, marked.width(), 1)
        for y in range(0, marked.height(), 3)
        if marked.pixelColor(x, y) == accent
    ]
    assert near
    chart.clearFocus()
    assert chart.grab().toImage() == plain


@pytest.mark.parametrize("measure", ["roles", "curve", "completeness", "minimality", "stability", "backup"])
def test_every_chart_has_a_name_for_those_who_hear_it(measure: str) -> None:
    assert measure in charts.names() and charts.get(measure).summary


def test_a_step_goes_to_the_nearest_in_its_direction() -> None:
    grid = np.array([(x * 10.0, y * 10.0) for y in range(3) for x in range(4)])
    assert [nearest_in_direction(grid, 5, way) for way in ((-1, 0), (1, 0), (0, -1), (0, 1))] == [4, 6, 1, 9]
    assert (
        nearest_in_direction(grid, 3, (1, 0)) == 3
        and nearest_in_direction(grid, 0, (0, -1)) == 0
        and nearest_in_direction(grid, -1, (0, 1)) == 0
    )
    row = np.array([(0.0, 5.0), (3.0, 5.0), (9.0, 5.0)])
    assert [nearest_in_direction(row, 1, way) for way in ((0, 1), (0, -1), (1, 0))] == [2, 0, 2]
    slope = np.array([(0.0, 0.0), (10.0, -30.0), (20.0, -2.0)])
    assert nearest_in_direction(slope, 0, (1, 0)) == 2  # rather straight ahead than near and aside
