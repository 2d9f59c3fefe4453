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

from circuitviz.panels.charts import ChartView
from circuitviz.panels.charts.cell_matrix import faithfulness_colour
from circuitviz.panels.charts.chart_spec import ChartSpec, LineMark, RectMark
from circuitviz.panels.registry import Panel
from circuitviz.scene.theme import DARK, LIGHT
from circuitviz.shapes.drawing import TextShape
from circuitviz.shapes.plot_axes import PlotFigureOptions
from circuitviz.workspace.workspace import Workspace


@pytest.fixture
def chart(qtbot: QtBot) -> ChartView:
    made = ChartView()
    qtbot.addWidget(made)
    made.resize(420, 280)
    made.show()
    return made


def within(item: QGraphicsItem) -> list[QGraphicsItem]:
    return [item, *(deeper for child in item.childItems() for deeper in within(child))]


def test_its_items_stay_whatever_is_drawn(chart: ChartView) -> None:
    there = set(within(chart.marks_item.getViewBox()))
    for name in sorted(RESULTS):
        chart.draw_result(name, RESULTS[name])
        chart.grab()
        assert set(within(chart.marks_item.getViewBox())) == there, name
        assert list(chart.marks_item.marks) == chart.spec.marks and chart.spec.marks


def test_what_is_out_of_sight_is_drawn_when_it_comes_into_sight(qtbot: QtBot) -> None:
    panel = Panel(Workspace())
    qtbot.addWidget(panel)
    made = ChartView()
    QVBoxLayout(panel).addWidget(made)
    made.draw_result("effects", RESULTS["effects"])
    assert not made.marks_item.marks and len(made.table_rows) > 9  # its table can be saved all the same
    panel.show()
    made.grab()
    first = made.marks_item.marks
    assert first
    panel.set_in_front(False)
    made.draw_result("curve", RESULTS["curve"])
    assert made.marks_item.marks is first
    panel.set_in_front(True)
    made.grab()
    assert made.marks_item.marks is made.spec.marks is not first


def test_the_same_result_is_not_drawn_again(chart: ChartView) -> None:
    chart.draw_result("amounts", RESULTS["amounts"])
    chart.grab()
    sketch, box = chart.spec, chart.marks_item.getViewBox()
    box.setRange(yRange=(0.2, 0.4), padding=0)
    chart.draw_result("amounts", dict(RESULTS["amounts"]))
    assert chart.spec is sketch and box.viewRange()[1] == [0.2, 0.4]  # where it was dragged to
    for other in ({"edges": 7}, {"points": list(RESULTS["amounts"]["points"])}):
        chart.draw_result("amounts", RESULTS["amounts"] | other)
        assert chart.spec is not sketch
        sketch = chart.spec
    chart.theme = DARK
    chart.draw_result("amounts", chart._requested[1])
    assert chart.spec.theme is DARK


def test_every_cell_is_painted_in_its_colour_after_another_chart(chart: ChartView) -> None:
    """Cells [row, column] read back from the picture; the stretch shown has changed in between."""
    chart.draw_result("activations", RESULTS["activations"])
    chart.grab()
    chart.draw_result("robustness", RESULTS["robustness"])
    picture, scene = chart.plot_widget.grab().toImage(), chart.plot_widget
    cells = RESULTS["robustness"]["cells"]
    for i, cell in enumerate(cells):
        row, column = divmod(i, 3)
        place = chart.marks_item.getViewBox().mapViewToScene(QPointF(column + 0.2, row + 0.2))
        assert picture.pixelColor(scene.mapFromScene(place)) == faithfulness_colour(
            ChartSpec(LIGHT), cell["value"]
        )


def test_names_at_the_left_have_room_at_the_first_painting(chart: ChartView) -> None:
    chart.draw_result("curve", RESULTS["curve"])
    chart.grab()
    chart.draw_result("trace-sites", RESULTS["trace-sites"])
    narrow = chart.plot_widget.getAxis("left").width()
    chart.draw_result("robustness", RESULTS["robustness"])
    widest = max(chart.fontMetrics().horizontalAdvance(name) for _, name in chart.spec.axis_ticks["left"])
    assert (
        chart.plot_widget.getAxis("left").width() > 0.8 * widest > narrow
    )  # its own text is a little smaller


def test_a_ranking_of_all_edges_is_drawn_as_finely_as_it_is_seen(chart: ChartView) -> None:
    hits = np.random.default_rng(0).random(30_000) < np.linspace(0.4, 0.0, 30_000)
    found = np.cumsum(hits)
    recall, precision = found / found[-1], found / np.arange(1, len(hits) + 1)
    curve = {"recall": recall.tolist(), "precision": precision.tolist()}
    chart.draw_result("ranking", {"rows": [{"method": "eap", "curve": curve}], "strong": "eap"})
    (line,) = next(mark for mark in chart.spec.marks if isinstance(mark, LineMark)).points
    assert len(line) < 3000 and line[-1].tolist() == [recall[-1], precision[-1]]
    far = [
        np.hypot(line[:, 0] - r, line[:, 1] - p).min()
        for r, p in zip(recall[::97], precision[::97], strict=True)
    ]
    assert max(far) < 0.003  # of an axis
    assert len(chart.table_rows) == 30_001 and chart.table_rows[-1] == [
        "eap",
        recall[-1],
        precision[-1],
    ]  # the file has all


def test_a_bar_is_as_long_as_its_number(chart: ChartView) -> None:
    nodes: list[dict[str, Any]] = [
        {"node": f"m{i}", "value": v, "low": None, "high": None} for i, v in enumerate((3.0, -2.0))
    ]
    chart.draw_result("effects", {"nodes": nodes})
    sides = next(mark for mark in chart.spec.marks if isinstance(mark, RectMark)).bounds
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
    chart: ChartView, name: str, said: set[str]
) -> None:
    chart.draw_result(name, RESULTS[name])
    chart.grab()
    shown = {text for entry in chart.legend.entries for text in (entry.label, entry.ramp_start_label)}
    assert said <= shown and chart.legend.height() > 0
    on_paper = {
        shape.text
        for shape in chart.drawing(PlotFigureOptions(preset="slide")).legend
        if isinstance(shape, TextShape)
    }
    assert said <= on_paper
    assert not chart.drawing(PlotFigureOptions(legend=False)).legend


def test_a_narrow_key_takes_more_rows_and_a_compact_chart_names_its_axes_there(
    chart: ChartView, qtbot: QtBot
) -> None:
    chart.draw_result("completeness", RESULTS["completeness"])
    chart.grab()
    low = chart.legend.height()
    chart.resize(170, 280)
    chart.grab()
    assert chart.legend.height() > low
    compact = ChartView(is_compact=True)
    qtbot.addWidget(compact)
    compact.theme = DARK
    compact.draw_result("course", RESULTS["course"])
    compact.show()
    compact.grab()
    assert compact.legend.entries[0].label == "Unexplained variance by step"
    assert not compact.plot_widget.getAxis("bottom").labelText
    words = {
        shape.text for shape in compact.drawing(PlotFigureOptions()).words if isinstance(shape, TextShape)
    }
    assert {"Unexplained variance", "step"} <= words  # on paper they stand at their axes
    assert QColor(compact.plot_widget.grab().toImage().pixelColor(1, 1)) == QColor(DARK.panel)
