"""Charts of plain data: every kind has its marks, its table and what is said of each mark; so has a page of a reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from circuitviz.paint.plot_export import save_plot
from circuitviz.plots import BarPlot, HeatMapPlot, LinePlot, Plot, TablePlot, measure_plots
from circuitviz.shapes.charts import build_chart
from circuitviz.shapes.charts.chart_shapes import MeasureChart
from circuitviz.shapes.charts.chart_spec import LineMark, RectMark, TextMark

BARS = BarPlot(["first", "second"], [2.0, -1.0], "logits", low=[1.5, None], high=[2.5, None])


LINES = LinePlot([1, 2, 4], {"circuit": [0.1, 0.2, 0.9], "model": [1.0, 1.0, 1.0]}, "edges", "faithfulness")


MAP = HeatMapPlot(
    ["a0.h0", "rest"], ["Mary", "gave"], [[1.0, None], [-2.0, 0.5]], "logits", nodes=["a0.h0", ""]
)


TABLE = TablePlot(["node", "value", "why"], [[f"m{i}", i / 3, None] for i in range(20)])


PLOTS = {"bars": BARS, "lines": LINES, "map": MAP, "table": TABLE}


pytestmark = pytest.mark.usefixtures("qapp")


def drawn(plot: Plot) -> Any:
    return build_chart("plain", {"plot": plot})


def test_bars_have_their_lengths_intervals_and_no_nodes_unless_named() -> None:
    spec = drawn(BARS)
    (bars,) = (mark for mark in spec.marks if isinstance(mark, RectMark))
    assert bars.bounds[:, [0, 2]].tolist() == [[0.0, 2.0], [-1.0, 0.0]]
    (whiskers,) = (mark for mark in spec.marks if isinstance(mark, LineMark))
    assert whiskers.points[..., 0].tolist() == [[1.5, 2.5]]
    assert spec.axis_labels["bottom"] == "logits"
    assert [region.nodes for region in spec.hover_regions] == [(), ()]
    named = drawn(BarPlot(["x"], [1.0], "", nodes=["a0.h1"]))
    assert [region.nodes for region in named.hover_regions] == [("a0.h1",)]


def test_lines_go_through_their_points() -> None:
    spec = drawn(LINES)
    marks = [mark for mark in spec.marks if isinstance(mark, LineMark)]
    assert [mark.points[0, :, 1].tolist() for mark in marks] == [[0.1, 0.2, 0.9], [1.0, 1.0, 1.0]]
    assert [entry.label for entry in spec.legend_entries] == ["circuit", "model"]
    assert spec.table_rows[1:] == [[1, 0.1, 1.0], [2, 0.2, 1.0], [4, 0.9, 1.0]]
    assert "model at 4: 1" in [region.text for region in spec.hover_regions]


def test_a_heat_map_has_a_cell_for_each_number_and_selects_its_rows_node() -> None:
    spec = drawn(MAP)
    (cells,) = (mark for mark in spec.marks if isinstance(mark, RectMark))
    assert len(cells.bounds) == 3 and len({colour.code for colour in cells.colours}) == 3
    assert {mark.text for mark in spec.marks if isinstance(mark, TextMark)} == {"1", "−2", "0.5"}
    assert [region.nodes for region in spec.hover_regions] == [("a0.h0",), (), ()]
    assert spec.table_rows[1:] == [
        ["a0.h0", 0, "Mary", 1.0],
        ["rest", 0, "Mary", -2.0],
        ["rest", 1, "gave", 0.5],
    ]


def test_a_long_table_is_reached_by_dragging_and_exported_whole() -> None:
    spec = drawn(TABLE)
    texts = [mark.text for mark in spec.marks if isinstance(mark, TextMark)]
    assert texts[:4] == ["0", "–", "0.3333", "–"] and len(texts) == 40
    assert spec.y_range[1] < 20 and spec.draggable_axes == (False, True)
    assert len(spec.all_table_rows()) == 21
    assert "value 0.3333" in spec.hover_regions[1].text


@pytest.mark.parametrize("name", PLOTS)
def test_every_kind_is_written_as_a_figure_and_as_a_table(name: str, tmp_path: Path) -> None:
    chart = MeasureChart("plain", {"plot": PLOTS[name]})
    save_plot(chart, tmp_path / "a.svg")
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<text" in svg and "<image" not in svg
    save_plot(chart, tmp_path / "a.csv")
    assert len((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()) == len(PLOTS[name].table())


@pytest.mark.parametrize(
    ("result", "table"),
    [
        ({"share": 0.5, "of": {"edges": 3}}, [["name", "value"], ["share", 0.5], ["of.edges", 3]]),
        ({"n": 2, "heads": {"a0.h0": 1.0, "m0": 2}}, [["name", "value"], ["a0.h0", 1.0], ["m0", 2]]),
        (
            {"rows": [{"node": "m0", "change": {"low": 1, "high": 2}}, {"node": "m1", "with": ["a", "b"]}]},
            [["node", "change.low", "change.high", "with"], ["m0", 1, 2, ""], ["m1", "", "", "a b"]],
        ),
        ({"value": {"value": 1.0, "low": 0.5, "high": 1.5}}, None),
        ({}, [["name", "value"]]),
    ],
)
def test_a_result_without_a_plot_is_a_table_or_bars(
    result: dict[str, Any], table: list[list[Any]] | None
) -> None:
    spec = build_chart("a measure of somebody else", result)
    wanted = table or [["name", "value"], ["value.value", 1.0], ["value.low", 0.5], ["value.high", 1.5]]
    assert spec.table_rows == wanted
    MeasureChart("a measure of somebody else", result).cells()


def test_a_measures_own_plot_is_drawn_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_plots, "_entries", {})
    measure_plots.register("toy", summary="")(lambda result: BarPlot(["n"], [result["n"]], "nodes"))
    assert build_chart("toy", {"n": 4}).axis_labels["bottom"] == "nodes"
    assert build_chart("toy", None).marks == []
    assert build_chart("toy", {"old": 4}).table_rows[1:] == [["old", 4]]  # of another version of the measure
    for empty in (BarPlot([], [], "x"), LinePlot([], {}, "x", "y"), HeatMapPlot([], [], [], "x")):
        assert build_chart("plain", {"plot": empty}).hover_regions == []
