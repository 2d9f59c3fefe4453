"""A chart on paper: its marks become shapes, so that every picture format can write it."""

from __future__ import annotations

from typing import Any

from circuitviz.panels.charts.chart_spec import ChartSpec
from circuitviz.panels.charts.paper_legend import PaperLegend
from circuitviz.panels.charts.paper_marks import PaperMarks
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import Axes, PlotFigureOptions, Ticks, with_minus_sign

MIN_FRAME_ASPECT = 0.3  # height of the frame in widths of the page


def chart_drawing(spec: ChartSpec, plot_item: Any, figure: PlotFigureOptions) -> Drawing:
    """A sketch in the paper's colours, within the stretch that ``plot_item``, its plot, shows now."""
    paper, size = figure.new_drawing(), figure.font_size
    (left, right), (low, high) = plot_item.getViewBox().viewRange()
    axes = Axes((left, right), (low, high), y_up=spec.is_y_upwards, axis_labels=dict(spec.axis_labels))
    axes.left_ticks, axes.bottom_ticks, axes.top_ticks = (
        _axis_ticks(plot_item.getAxis(side), spec.axis_ticks.get(side)) for side in ("left", "bottom", "top")
    )
    axes.draws_lines = not axes.top_ticks
    key = PaperLegend(spec.legend_entries if figure.legend else (), paper, size)
    axes.top_space = key.height
    axes.place_frame(paper, size, 1e4)
    around = 1e4 - axes.frame[3]  # what the names and labels take
    paper.height = figure.height_pt(
        _default_height(axes, around, paper.width, size, "left" in spec.axis_ticks)
    )
    axes.place_frame(paper, size, paper.height)
    ink = PaperMarks(figure.theme, axes, size)
    lines, words = axes.draw(figure.theme, paper.font, size)
    paper.body = [*(shape for mark in spec.marks for shape in ink.mark_shapes(mark)), *lines]
    paper.words = [*words, *(text for mark in spec.marks for text in ink.mark_texts(mark, paper.font))]
    paper.legend = key.shapes(figure.theme, ink)
    return paper


def _default_height(
    axes: Axes, outer_height: float, page_width: float, font_size: float, has_named_rows: bool
) -> float:
    """A height in points that gives each named row a line of text, or the proportions of a page."""
    if not has_named_rows:
        return max(
            0.62 * page_width, outer_height + MIN_FRAME_ASPECT * page_width
        )  # a long key makes the page higher
    rows = sum(min(axes.y_range) <= at <= max(axes.y_range) for at, _ in axes.left_ticks)
    return outer_height + (1.7 if axes.draws_lines else 2.2) * font_size * max(rows, 2)


def _axis_ticks(axis: Any, named_ticks: Ticks | None) -> Ticks:
    """An axis's ticks with their names; its own where it was given none."""
    if not axis.isVisible():
        return ()
    if named_ticks is not None:
        return [(at, with_minus_sign(name)) for at, name in named_ticks]
    levels = axis.tickValues(*axis.range, 260)  # as many as suit a column
    found: list[tuple[float, str]] = []
    for spacing, values in levels[:2]:
        if len(found) < 3:
            names = map(with_minus_sign, axis.tickStrings(values, 1.0, spacing))
            found += list(zip(map(float, values), names, strict=True))
    return found
