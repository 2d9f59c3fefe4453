"""A chart on paper: its marks become shapes, so that every picture format can write it."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.paper_ink import PaperInk
from circuitviz.panels.charts.paper_key import PaperKey
from circuitviz.panels.charts.sketch import Sketch
from circuitviz.pictures.drawing import Drawing
from circuitviz.pictures.plots import Axes, PlotFigure, Ticks, printed

LEAST_FRAME = 0.3  # height of the frame in widths of the page


def drawing_of(sketch: Sketch, item: Any, figure: PlotFigure) -> Drawing:
    """A sketch in the paper's colours, within the stretch that ``item``, its plot, shows now."""
    paper, size = figure.paper(), figure.font_size
    (left, right), (low, high) = item.getViewBox().viewRange()
    axes = Axes((left, right), (low, high), upright=sketch.upright, labels=dict(sketch.labels))
    axes.left, axes.bottom, axes.top = (
        _ticks(item.getAxis(side), sketch.names.get(side)) for side in ("left", "bottom", "top")
    )
    axes.grid = not axes.top
    key = PaperKey(sketch.key if figure.legend else (), paper, size)
    axes.over = key.height
    axes.place(paper, size, 1e4)
    around = 1e4 - axes.box[3]  # what the names and labels take
    paper.height = figure.height(_suits(axes, around, paper.width, size, "left" in sketch.names))
    axes.place(paper, size, paper.height)
    ink = PaperInk(figure.theme, axes, size)
    lines, words = axes.draw(figure.theme, paper.font, size)
    paper.body = [*(shape for mark in sketch.marks for shape in ink.shapes(mark)), *lines]
    paper.words = [*words, *(text for mark in sketch.marks for text in ink.texts(mark, paper.font))]
    paper.legend = key.shapes(figure.theme, ink)
    return paper


def _suits(axes: Axes, around: float, wide: float, size: float, named: bool) -> float:
    """A height in points that gives each named row a line of text, or the proportions of a page."""
    if not named:
        return max(0.62 * wide, around + LEAST_FRAME * wide)  # a long key makes the page higher
    rows = sum(min(axes.y) <= at <= max(axes.y) for at, _ in axes.left)
    return around + (1.7 if axes.grid else 2.2) * size * max(rows, 2)


def _ticks(axis: Any, given: Ticks | None) -> Ticks:
    """An axis's ticks with their names; its own where it was given none."""
    if not axis.isVisible():
        return ()
    if given is not None:
        return [(at, printed(name)) for at, name in given]
    levels = axis.tickValues(*axis.range, 260)  # as many as suit a column
    found: list[tuple[float, str]] = []
    for spacing, values in levels[:2]:
        if len(found) < 3:
            names = map(printed, axis.tickStrings(values, 1.0, spacing))
            found += list(zip(map(float, values), names, strict=True))
    return found
