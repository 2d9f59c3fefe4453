"""The chart widget: what it paints and when, what mouse and keys do, its legend and its names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chart_results import RESULTS
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QVBoxLayout
from pytestqt.qtbot import QtBot

from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.registry import Panel
from circuitviz.panels.widgets import chart_view
from circuitviz.panels.widgets.chart_view import TEXT_PX, ChartView
from circuitviz.scene.theme import DARK, LIGHT
from circuitviz.shapes.charts import build_chart, charts
from circuitviz.shapes.charts.cell_matrix import faithfulness_colour
from circuitviz.shapes.charts.chart_spec import ChartSpec, LineMark, RectMark
from circuitviz.shapes.drawing import TextShape
from circuitviz.shapes.plot_axes import PlotFigureOptions
from circuitviz.shapes.text_metrics import SCREEN_FONT, text_width
from circuitviz.workspace.workspace import Workspace


@pytest.fixture
def chart(qtbot: QtBot) -> ChartView:
    made = ChartView()
    qtbot.addWidget(made)
    made.resize(420, 280)
    made.show()
    return made


def test_every_chart_lies_within_its_widget(chart: ChartView) -> None:
    for name in sorted(RESULTS):
        chart.draw_result(name, RESULTS[name])
        chart.grab()
        drawing, axes = chart.layout_shapes()
        assert (drawing.width, drawing.height) == (chart.width(), chart.height()) and chart.spec.marks
        left, top, width, height = axes.frame
        assert left >= 0 and left + width <= chart.width() and top >= 0 and top + height <= chart.height(), (
            name
        )
        assert drawing.body, name


def test_a_chart_out_of_sight_is_built_when_it_comes_into_sight(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def count_builds(name: str, result: Any, theme: Any) -> ChartSpec:
        built.append(name)
        return build_chart(name, result, theme)

    monkeypatch.setattr(chart_view, "build_chart", count_builds)
    panel = Panel(Workspace())
    qtbot.addWidget(panel)
    made = ChartView()
    QVBoxLayout(panel).addWidget(made)
    made.draw_result("effects", RESULTS["effects"])
    assert not built and len(made.table_rows) > 9  # its table can be saved all the same
    panel.show()
    made.grab()
    assert built == ["effects"]
    panel.set_in_front(False)
    made.draw_result("curve", RESULTS["curve"])
    assert built == ["effects"]
    panel.set_in_front(True)
    made.grab()
    assert built == ["effects", "curve"]


def test_the_same_result_is_not_drawn_again(chart: ChartView) -> None:
    chart.draw_result("amounts", RESULTS["amounts"])
    chart.grab()
    sketch = chart.spec
    chart.set_visible_ranges(y=(0.2, 0.4))
    chart.draw_result("amounts", dict(RESULTS["amounts"]))
    assert chart.spec is sketch and chart.visible_ranges[1] == (0.2, 0.4)  # where it was dragged to
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
    picture, axes = chart.grab().toImage(), chart.layout_shapes()[1]
    cells = RESULTS["robustness"]["cells"]
    for i, cell in enumerate(cells):
        row, column = divmod(i, 3)
        place = QPointF(*axes.to_paper(column + 0.2, row + 0.2)).toPoint()
        wanted = faithfulness_colour(ChartSpec(LIGHT), cell["value"]).code
        assert picture.pixelColor(place).name() == wanted


def test_names_at_the_left_have_room_at_the_first_painting(chart: ChartView) -> None:
    chart.draw_result("curve", RESULTS["curve"])
    chart.grab()
    chart.draw_result("trace-sites", RESULTS["trace-sites"])
    narrow = chart.layout_shapes()[1].frame[0]
    chart.draw_result("robustness", RESULTS["robustness"])
    names = [name for _, name in chart.spec.axis_ticks["left"]]
    widest = max(text_width(name, SCREEN_FONT, canvas_font(TEXT_PX).pixelSize()) for name in names)
    assert chart.layout_shapes()[1].frame[0] > min(widest, 0.42 * chart.width()) and narrow < widest


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
    chart.resize(1200, 400)
    shown = {shape.text for shape in chart.layout_shapes()[0].legend if isinstance(shape, TextShape)}
    assert said <= shown
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
    frame_top = chart.layout_shapes()[1].frame[1]
    chart.resize(170, 280)
    chart.grab()
    assert chart.layout_shapes()[1].frame[1] > frame_top
    compact = ChartView(is_compact=True)
    qtbot.addWidget(compact)
    compact.theme = DARK
    compact.draw_result("course", RESULTS["course"])
    compact.show()
    picture = compact.grab().toImage()
    drawing = compact.layout_shapes()[0]
    first = next(shape for shape in drawing.legend if isinstance(shape, TextShape))
    assert first.text == "Unexplained variance by step"
    assert not {"Unexplained variance", "step"} & {getattr(shape, "text", "") for shape in drawing.words}
    words = {
        shape.text for shape in compact.drawing(PlotFigureOptions()).words if isinstance(shape, TextShape)
    }
    assert {"Unexplained variance", "step"} <= words  # on paper they stand at their axes
    assert picture.pixelColor(1, 1).name() == DARK.panel


def test_dragging_moves_and_the_wheel_zooms_only_along_the_axes_that_may_be_moved(
    chart: ChartView, qtbot: QtBot
) -> None:
    chart.draw_result("effects", RESULTS["effects"])  # bars: only up and down
    x_before, y_before = chart.visible_ranges
    clicked: list[object] = []
    chart.nodes_clicked.connect(clicked.append)
    axes = chart.layout_shapes()[1]
    start = chart.region_center(chart.hover_regions[4]).toPoint()
    qtbot.mousePress(chart, Qt.MouseButton.LeftButton, pos=start)
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(start.x() + 30, start.y() - 40), QPointF(0, 0), Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    chart.mouseMoveEvent(event)
    qtbot.mouseRelease(chart, Qt.MouseButton.LeftButton, pos=QPoint(start.x() + 30, start.y() - 40))
    moved = 40 * (y_before[1] - y_before[0]) / axes.frame[3]
    assert chart.visible_ranges[0] == x_before and not clicked  # a drag is no click
    assert chart.visible_ranges[1] == pytest.approx((y_before[0] + moved, y_before[1] + moved))

    place = QPointF(start)
    fixed = chart.layout_shapes()[1].from_paper(place.x(), place.y())
    wheel = QWheelEvent(
        place, place, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    before = chart.visible_ranges[1]
    chart.wheelEvent(wheel)
    after = chart.visible_ranges[1]
    assert chart.visible_ranges[0] == x_before
    assert (after[1] - after[0]) / (before[1] - before[0]) == pytest.approx(1.02**-15)
    assert chart.layout_shapes()[1].from_paper(place.x(), place.y()) == pytest.approx(fixed)


UP, DOWN, LEFT, RIGHT = Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right


@pytest.fixture
def active_chart(qtbot: QtBot) -> ChartView:
    """A chart in a window that gets the keys."""
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


def test_bars_are_walked_read_and_selected_by_keys(active_chart: ChartView, qtbot: QtBot) -> None:
    read: list[str] = []
    chosen: list[tuple[str, ...]] = []
    active_chart.hover_text_changed.connect(read.append)
    active_chart.nodes_clicked.connect(chosen.append)
    active_chart.draw_result("effects", effects(40))
    assert active_chart.accessibleName() == "Chart: direct effects, the strongest on top"
    assert active_chart.focusPolicy() & Qt.FocusPolicy.TabFocus
    active_chart.clearFocus()
    active_chart.setFocus(
        Qt.FocusReason.OtherFocusReason
    )  # a button beside it was disabled: nothing is read out
    assert not read
    active_chart.clearFocus()
    active_chart.setFocus(Qt.FocusReason.TabFocusReason)
    assert read == ["a0.h0: +40.0000"] and active_chart.accessibleDescription() == "a0.h0: +40.0000; 1 of 40"
    qtbot.keyClick(active_chart, DOWN)
    assert active_chart.accessibleDescription() == "a0.h1: −39.0000; 2 of 40" and not chosen
    qtbot.keyClick(active_chart, Qt.Key.Key_Return)
    assert chosen == [("a0.h1",)]
    qtbot.keyClick(active_chart, RIGHT)  # bars lie below one another: right is the next
    qtbot.keyClick(active_chart, LEFT)
    qtbot.keyClick(active_chart, UP)
    qtbot.keyClick(active_chart, UP)
    assert read[-1].startswith("a0.h0:")

    # a bar out of sight comes into sight; a active_chart that is drawn anew keeps the place
    qtbot.keyClick(active_chart, Qt.Key.Key_End)
    assert read[-1] == "a4.h7: −1.0000"
    y_range = active_chart.visible_ranges[1]
    assert y_range[0] <= active_chart.hover_regions[-1].y <= y_range[1]
    active_chart.draw_result("effects", effects(12))
    qtbot.keyClick(active_chart, Qt.Key.Key_Space)
    assert chosen[-1] == ("a1.h3",)
    active_chart.clear()
    qtbot.keyClick(active_chart, DOWN)
    qtbot.keyClick(active_chart, Qt.Key.Key_Return)
    assert len(chosen) == 2
    active_chart.setAccessibleName("Direct effects, sorted")
    active_chart.draw_result("effects", effects(3))
    assert active_chart.accessibleName() == "Direct effects, sorted"


def test_the_mark_is_seen_while_the_keyboard_is_there(active_chart: ChartView, qtbot: QtBot) -> None:
    active_chart.draw_result("effects", effects(5))
    active_chart.clearFocus()
    plain = active_chart.grab().toImage()
    active_chart.setFocus(Qt.FocusReason.TabFocusReason)
    marked = active_chart.grab().toImage()
    assert marked != plain
    accent = QColor(active_chart.theme.accent)
    near = [
        (x, y)
        for x in range(0, marked.width(), 1)
        for y in range(0, marked.height(), 3)
        if marked.pixelColor(x, y) == accent
    ]
    assert near
    active_chart.clearFocus()
    assert active_chart.grab().toImage() == plain


@pytest.mark.parametrize("measure", ["roles", "curve", "completeness", "minimality", "stability", "backup"])
def test_every_chart_has_a_name_for_those_who_hear_it(measure: str) -> None:
    assert measure in charts.names() and charts.get(measure).summary
