"""Every chart and heat map on paper: its data, its names as text, nothing as a bitmap, the same twice."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chart_results import HEADS, POINTS, RESULTS
from hypothesis import given, settings
from hypothesis import strategies as st
from pdf_structure import pdf_structure, picture_content

from circuitviz.__main__ import main
from circuitviz.cli.parser import parse_arguments
from circuitviz.document import Document, State
from circuitviz.errors import InputError
from circuitviz.formats import save_document
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.paint.plot_export import ExportablePlot, plot_to_sheet, save_plot
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.scene.theme import DARK, LIGHT
from circuitviz.shapes.charts import charts
from circuitviz.shapes.clipping import clip_polygon, clip_polyline
from circuitviz.shapes.drawing import AreaShape, BoxShape, CurveShape, Drawing, TextShape, used_colours
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.shapes.plot_axes import PlotFigureOptions
from circuitviz.shapes.table_figure import draw_table
from circuitviz.shapes.text_metrics import text_width

pytestmark = pytest.mark.usefixtures("qapp")


GRID = HeatGrid(
    ["layer 1", "layer 0"], ["<bos>", "Mary", "gave_50%"], np.array([[0.2, -1.5, 3.0], [0.0, np.nan, -0.4]]),
    "logits", cell_texts=[["a", "b", "c"], ["d", "e", "f"]], framed_cells=frozenset({(0, 2)}), build_table=lambda: [["x"], [1]],
)  # fmt: skip


def chart(name: str, theme: Any = LIGHT) -> ChartView:
    made = ChartView()
    made.theme = theme
    made.draw_result(name, RESULTS[name])
    return made


def heat() -> HeatMap:
    made = HeatMap("a map")
    made.show_grid(GRID)
    return made


def plots() -> list[str]:
    assert set(charts.names()) == set(RESULTS)
    return [*sorted(RESULTS), "heat"]


def plotted(name: str) -> ExportablePlot:
    return heat() if name == "heat" else chart(name)


def on_the_page(drawing: Drawing) -> None:
    for shape in drawing.shapes:
        if isinstance(shape, BoxShape):
            assert shape.x >= 0 and shape.x + shape.width <= drawing.width + 0.1
            assert shape.y >= -0.1 and shape.y + shape.height <= drawing.height + 0.1
        elif isinstance(shape, CurveShape | AreaShape):
            assert all(-0.1 <= x <= drawing.width + 0.1 for x, _ in shape.points)
            assert all(-2 <= y <= drawing.height + 0.1 for _, y in shape.points)
        else:
            wide = text_width(shape.text, drawing.font, shape.size)
            left = shape.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * wide
            assert shape.size >= 6
            if not shape.rotation_deg:
                assert left >= -0.1 and left + wide <= drawing.width + 0.1, shape


@pytest.mark.parametrize("name", plots())
def test_a_plot_is_text_and_shapes_and_the_same_twice(name: str, tmp_path: Path) -> None:
    plot = plotted(name)
    about = ["circuitviz evaluate a.circuit", "document 12ab"]
    for suffix in (".svg", ".pdf", ".tex", ".png"):
        first, second = (tmp_path / f"{i}{suffix}" for i in (1, 2))
        save_plot(plot, first, PlotFigureOptions(font_size=6), about)
        first.rename(tmp_path / f"kept{suffix}")
        save_plot(plotted(name), first, PlotFigureOptions(font_size=6), about)
        kept = (tmp_path / f"kept{suffix}").read_bytes()
        assert picture_content(first.read_bytes()) == picture_content(kept) and not second.exists()
    root = ET.parse(tmp_path / "1.svg").getroot()
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert "image" not in kinds and kinds.count("text") >= 4
    assert "circuitviz evaluate" in (tmp_path / "1.svg").read_text()
    assert root.get("width") == "82.550mm"
    pdf = (tmp_path / "1.pdf").read_bytes()
    assert b"/FontFile" in pdf and b"circuitviz evaluate" in pdf
    shown = pdf_structure(pdf)
    assert shown.images == 0 and shown.letters > 20 and "circuitviz evaluate" in shown.about
    tex = (tmp_path / "1.tex").read_text()
    used = set(re.findall(r"\\(?:path|draw|fill|node)\[(circuit [\w ]+)", tex))
    assert used and used <= set(re.findall(r"^\s+(circuit [\w ]+)/\.style", tex, re.MULTILINE))
    save_plot(plot, tmp_path / "a.csv")
    assert len((tmp_path / "a.csv").read_text().splitlines()) == len(plot.cells())


@pytest.mark.parametrize(
    "figure",
    [
        PlotFigureOptions(),
        PlotFigureOptions(width_mm=50, font_size=9),
        PlotFigureOptions(preset="slide", font_size=18),
    ],
)
@pytest.mark.parametrize("name", plots())
def test_a_plot_lies_on_its_page(name: str, figure: PlotFigureOptions) -> None:
    drawing = plotted(name).drawing(figure)
    assert drawing.width == figure.width_pt and drawing.background == "#ffffff"
    on_the_page(drawing)


@pytest.mark.parametrize("name", plots())
def test_paper_has_its_own_colours_whatever_the_window_has(name: str) -> None:
    if name == "heat":
        return
    dark, light = (chart(name, theme).drawing(PlotFigureOptions()) for theme in (DARK, LIGHT))
    assert dark.body == light.body and dark.words == light.words
    slide = chart(name).drawing(PlotFigureOptions(dark=True, transparent=True))
    assert slide.background == "" and not used_colours(slide.body) <= used_colours(light.body)
    assert {s.text for s in slide.words} == {s.text for s in light.words}  # type: ignore[union-attr]


def test_a_curves_points_lie_where_its_numbers_say() -> None:
    """Places on paper are linear in the logarithm of the edges and in faithfulness: three of them tell all."""
    body = chart("curve").drawing(PlotFigureOptions()).body
    dots = [
        (s.x + s.width / 2, s.y + s.height / 2)
        for s in body
        if isinstance(s, BoxShape) and s.role == "positive dot"
    ]
    x, y = (np.array(side) for side in zip(*dots, strict=True))
    for at, meant in ((x, [np.log10(p["asked"]) for p in POINTS]), (y, [p["value"] for p in POINTS])):
        shares, expected = (at - at[0]) / (at[-1] - at[0]), np.array(meant)
        assert shares == pytest.approx((expected - expected[0]) / (expected[-1] - expected[0]), abs=1e-6)
    band = next(s for s in body if isinstance(s, AreaShape))
    assert len(band.points) == 2 * len(POINTS) and y[-1] < y[0]


def test_only_what_the_window_shows_is_on_paper() -> None:
    made = chart("effects")
    names = {s.text for s in made.drawing(PlotFigureOptions()).words if isinstance(s, TextShape)}
    assert HEADS[0] in names and "0.5" in names
    made.set_visible_ranges(y=(-0.6, 2.4))
    drawing = made.drawing(PlotFigureOptions())
    assert {s.text for s in drawing.words if isinstance(s, TextShape)} & set(HEADS) == set(_strongest(3))
    assert sum(isinstance(s, BoxShape) for s in drawing.body) == 3


def _strongest(number: int) -> list[str]:
    nodes = RESULTS["effects"]["nodes"]
    return [one["node"] for one in sorted(nodes, key=lambda one: -abs(one["value"]))[:number]]


def test_a_heat_maps_cells_have_the_scales_colours() -> None:
    drawing = heat().drawing(PlotFigureOptions())
    cells = [s for s in drawing.body if isinstance(s, BoxShape) and s.role == "cell"]
    assert len(cells) == 5 and sum(s.role == "frame" for s in drawing.body if isinstance(s, BoxShape)) == 1
    assert cells[2].fill == LIGHT.positive  # the largest number
    words = {s.text for s in drawing.shapes if isinstance(s, TextShape)}
    assert {"layer 1", "Mary", "a", "3.0", "−3.0", "0", "logits"} <= words and "e" not in words
    assert {cells[2].fill} <= used_colours(drawing.legend) and heat().drawing(
        PlotFigureOptions(legend=False)
    ).legend == []


def test_tikz_of_plots_compiles(tmp_path: Path) -> None:
    for name in ("curve", "heat", "backup", "robustness"):
        save_plot(plotted(name), tmp_path / f"{name}.tex")
        text = (tmp_path / f"{name}.tex").read_text()
        assert text.count(r"\begin{tikzpicture}") == text.count(r"\end{tikzpicture}") == 1
        if shutil.which("pdflatex") is None:
            continue  # its structure is checked above
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-2000:]
        assert "Missing character" not in done.stdout


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    for figure, says in (
        (PlotFigureOptions(width_mm=3), "--width-mm was given 3"),
        (PlotFigureOptions(height_mm=3), "--height-mm was given 3"),
        (PlotFigureOptions(font="Liberatoin Sans"), "Liberation Sans"),
    ):
        with pytest.raises(InputError, match=says):
            plot_to_sheet(heat(), figure, "a")


SIDE = st.floats(-3, 3, allow_nan=False, width=16)
POINT = st.tuples(SIDE, SIDE)


@given(st.lists(POINT, min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_is_cut_off_is_what_lies_outside(points: list[tuple[float, float]]) -> None:
    """Against points sampled along the line: those inside are on a piece, and no piece leaves the frame."""
    found = clip_polyline(points, (-1.0, 1.0), (1.0, -1.0))
    for piece in found:
        assert all(abs(x) <= 1 + 1e-9 and abs(y) <= 1 + 1e-9 for x, y in piece)
    for (x0, y0), (x1, y1) in pairwise(points):
        for share in np.linspace(0, 1, 11):
            x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
            if abs(x) < 0.999 and abs(y) < 0.999:
                assert min(_distance((x, y), a, b) for p in found for a, b in pairwise(p)) < 1e-6
    corners = clip_polygon(points, (-1.0, 1.0), (-1.0, 1.0))
    assert all(abs(x) <= 1 + 1e-9 and abs(y) <= 1 + 1e-9 for x, y in corners)


def _distance(point: tuple[float, float], start: tuple[float, float], end: tuple[float, float]) -> float:
    p, a, b = (np.array(v, dtype=float) for v in (point, start, end))
    along = float((b - a) @ (b - a))
    share = float(np.clip((p - a) @ (b - a) / along, 0, 1)) if along else 0.0
    return float(np.linalg.norm(p - (a + share * (b - a))))


def test_a_table_is_set_with_its_numbers_below_each_other() -> None:
    cells = [["feature", "label", "examples"], ["m3.f5", "a word " * 40, 12], ["m3.f517", "", -3]]
    drawing = draw_table(cells, PlotFigureOptions())
    on_the_page(drawing)
    words = {s.text: s for s in drawing.words if isinstance(s, TextShape)}
    assert words["12"].anchor == "end" and words["12"].x == words["−3"].x == words["examples"].x
    assert words["m3.f5"].x == words["m3.f517"].x and words["feature"].bold
    assert (
        any(text.endswith("…") for text in words)
        and sum(isinstance(s, CurveShape) for s in drawing.body) == 3
    )
    assert draw_table([cells[0]], PlotFigureOptions()).height > 0


def test_a_measures_plot_is_written_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Graph.transformer(ModelShape(1, 2, 8))
    scores = Scores(graph, np.ones(graph.mask.shape), "eap")
    document = Document(State(None, scores, scores.greedy(6)))
    document.store_measure("curve", {"key": "", "options": {}, "result": RESULTS["curve"], "done": True})
    source = tmp_path / "a.circuit"
    save_document(document, source)
    out = tmp_path / "curve.svg"
    words = [
        "export",
        str(source),
        "-o",
        str(out),
        "--plot",
        "curve",
        "--height-mm",
        "45",
        "--font-size",
        "8",
    ]
    assert main(words) == 0
    text = out.read_text()
    assert 'height="45.000mm"' in text and ">faithfulness<" in text
    told = re.search(r"circuitviz (export a.circuit .*)", text)[1]
    assert told == "export a.circuit -o curve.svg --plot curve --height-mm 45 --font-size 8"
    given_ = parse_arguments(shlex.split(told))
    assert given_.plot == "curve" and given_.figure_height_mm == "45"
    assert main([*words[:2], "-o", str(tmp_path / "curve.csv"), "--plot", "curve"]) == 0
    assert (tmp_path / "curve.csv").read_text().startswith("asked,edges,value")
    capsys.readouterr()
    assert main([*words[:4], "--plot", "minimality"]) == 2
    assert "holds no measure 'minimality' to plot; it holds curve" in capsys.readouterr().err
