"""How a chart is drawn: with items that stay, only in sight, only what is new, all of it, with a key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chart_results import RESULTS
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsItem, QVBoxLayout
from pytestqt.qtbot import QtBot

from circuitviz.canvas.theme import DARK, LIGHT
from circuitviz.panels.charts import Chart
from circuitviz.panels.charts.matrix import shade
from circuitviz.panels.charts.sketch import Boxes, Sketch, Strokes
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel
from circuitviz.pictures.drawing import Text
from circuitviz.pictures.plots import PlotFigure


@pytest.fixture
def chart(qtbot: QtBot) -> Chart:
    made = Chart()
    qtbot.addWidget(made)
    made.resize(420, 280)
    made.show()
    return made


def within(item: QGraphicsItem) -> list[QGraphicsItem]:
    return [item, *(deeper for child in item.childItems() for deeper in within(child))]


def test_its_items_stay_whatever_is_drawn(chart: Chart) -> None:
    there = set(within(chart.ink.getViewBox()))
    for name in sorted(RESULTS):
        chart.draw(name, RESULTS[name])
        chart.grab()
        assert set(within(chart.ink.getViewBox())) == there, name
        assert list(chart.ink.marks) == chart.sketch.marks and chart.sketch.marks


def test_what_is_out_of_sight_is_drawn_when_it_comes_into_sight(qtbot: QtBot) -> None:
    panel = Panel(Desk())
    qtbot.addWidget(panel)
    made = Chart()
    QVBoxLayout(panel).addWidget(made)
    made.draw("effects", RESULTS["effects"])
    assert not made.ink.marks and len(made.rows) > 9  # its table can be saved all the same
    panel.show()
    made.grab()
    first = made.ink.marks
    assert first
    panel.set_seen(False)
    made.draw("curve", RESULTS["curve"])
    assert made.ink.marks is first
    panel.set_seen(True)
    made.grab()
    assert made.ink.marks is made.sketch.marks is not first


def test_the_same_result_is_not_drawn_again(chart: Chart) -> None:
    chart.draw("amounts", RESULTS["amounts"])
    chart.grab()
    sketch, box = chart.sketch, chart.ink.getViewBox()
    box.setRange(yRange=(0.2, 0.4), padding=0)
    chart.draw("amounts", dict(RESULTS["amounts"]))
    assert chart.sketch is sketch and box.viewRange()[1] == [0.2, 0.4]  # where it was dragged to
    for other in ({"edges": 7}, {"points": list(RESULTS["amounts"]["points"])}):
        chart.draw("amounts", RESULTS["amounts"] | other)
        assert chart.sketch is not sketch
        sketch = chart.sketch
    chart.theme = DARK
    chart.draw("amounts", chart._wanted[1])
    assert chart.sketch.theme is DARK


def test_every_cell_is_painted_in_its_colour_after_another_chart(chart: Chart) -> None:
    """Cells [row, column] read back from the picture; the stretch shown has changed in between."""
    chart.draw("activations", RESULTS["activations"])
    chart.grab()
    chart.draw("robustness", RESULTS["robustness"])
    picture, scene = chart.plot.grab().toImage(), chart.plot
    cells = RESULTS["robustness"]["cells"]
    for i, cell in enumerate(cells):
        row, column = divmod(i, 3)
        place = chart.ink.getViewBox().mapViewToScene(QPointF(column + 0.2, row + 0.2))
        assert picture.pixelColor(scene.mapFromScene(place)) == shade(Sketch(LIGHT), cell["value"])


def test_names_at_the_left_have_room_at_the_first_painting(chart: Chart) -> None:
    chart.draw("curve", RESULTS["curve"])
    chart.grab()
    chart.draw("trace-sites", RESULTS["trace-sites"])
    narrow = chart.plot.getAxis("left").width()
    chart.draw("robustness", RESULTS["robustness"])
    widest = max(chart.fontMetrics().horizontalAdvance(name) for _, name in chart.sketch.names["left"])
    assert chart.plot.getAxis("left").width() > 0.8 * widest > narrow  # its own text is a little smaller


def test_a_ranking_of_all_edges_is_drawn_as_finely_as_it_is_seen(chart: Chart) -> None:
    hits = np.random.default_rng(0).random(30_000) < np.linspace(0.4, 0.0, 30_000)
    found = np.cumsum(hits)
    recall, precision = found / found[-1], found / np.arange(1, len(hits) + 1)
    curve = {"recall": recall.tolist(), "precision": precision.tolist()}
    chart.draw("ranking", {"rows": [{"method": "eap", "curve": curve}], "strong": "eap"})
    (line,) = next(mark for mark in chart.sketch.marks if isinstance(mark, Strokes)).points
    assert len(line) < 3000 and line[-1].tolist() == [recall[-1], precision[-1]]
    far = [
        np.hypot(line[:, 0] - r, line[:, 1] - p).min()
        for r, p in zip(recall[::97], precision[::97], strict=True)
    ]
    assert max(far) < 0.003  # of an axis
    assert len(chart.rows) == 30_001 and chart.rows[-1] == [
        "eap",
        recall[-1],
        precision[-1],
    ]  # the file has all


def test_a_bar_is_as_long_as_its_number(chart: Chart) -> None:
    nodes: list[dict[str, Any]] = [
        {"node": f"m{i}", "value": v, "low": None, "high": None} for i, v in enumerate((3.0, -2.0))
    ]
    chart.draw("effects", {"nodes": nodes})
    sides = next(mark for mark in chart.sketch.marks if isinstance(mark, Boxes)).sides
    assert [(left, right) for left, _, right, _ in sides.tolist()] == [(0.0, 3.0), (-2.0, 0.0)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sizes", {"faithfulness: the circuit", "completeness: the rest"}),
        ("completeness", {"random sets", "classes", "greedy, the worst found"}),
        ("ranking", {"eap", "other rows"}),
        (
            "curve",
            {
                "95 % interval",
                "CPR 0.900 [0.850, 0.940]",
                "CMD 0.100 [0.050, 0.140]",
                "CPR clipped 0.880 [0.830, 0.920]",
            },
        ),
        ("backup", {"rose: before", "fell: before", "after"}),
        ("robustness", {"1 and more: faithfulness", "0 and less"}),
        ("reuse", {"1: share of the row's nodes that the column has"}),
    ],
)
def test_its_key_names_what_is_drawn_in_the_window_and_on_paper(
    chart: Chart, name: str, said: set[str]
) -> None:
    chart.draw(name, RESULTS[name])
    chart.grab()
    shown = {text for entry in chart.key.entries for text in (entry.name, entry.least)}
    assert said <= shown and chart.key.height() > 0
    on_paper = {
        shape.text for shape in chart.drawing(PlotFigure(preset="slide")).legend if isinstance(shape, Text)
    }
    assert said <= on_paper
    assert not chart.drawing(PlotFigure(legend=False)).legend


def test_a_narrow_key_takes_more_rows_and_a_compact_chart_names_its_axes_there(
    chart: Chart, qtbot: QtBot
) -> None:
    chart.draw("completeness", RESULTS["completeness"])
    chart.grab()
    low = chart.key.height()
    chart.resize(170, 280)
    chart.grab()
    assert chart.key.height() > low
    compact = Chart(compact=True)
    qtbot.addWidget(compact)
    compact.theme = DARK
    compact.draw("course", RESULTS["course"])
    compact.show()
    compact.grab()
    assert compact.key.entries[0].name == "Unexplained variance by step"
    assert not compact.plot.getAxis("bottom").labelText
    words = {shape.text for shape in compact.drawing(PlotFigure()).words if isinstance(shape, Text)}
    assert {"Unexplained variance", "step"} <= words  # on paper they stand at their axes
    assert QColor(compact.plot.grab().toImage().pixelColor(1, 1)) == QColor(DARK.panel)
