"""A chart on paper: what pyqtgraph shows is read back as data, so that every picture format can write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsRectItem

from circuitviz.canvas.theme import Theme
from circuitviz.panels.charts.clipping import clipped, pieces
from circuitviz.pictures.drawing import Area, Box, Drawing, Point, Shape, Text, polyline
from circuitviz.pictures.measure import width
from circuitviz.pictures.plots import Axes, PlotFigure, Ticks, printed

if TYPE_CHECKING:
    from circuitviz.panels.charts.chart import Chart

SCREEN = 12.0  # pixels of a window's text: sizes on paper grow with the text there
NAMED = {"o": "round", "s": "square"}


def drawing_of(chart: Chart, figure: PlotFigure) -> Drawing:
    """What a chart shows now, within the stretch of x and y that it shows."""
    paper, size = figure.paper(), figure.font_size
    item = chart.plot.getPlotItem()
    (left, right), (low, high) = item.getViewBox().viewRange()
    axes = Axes((left, right), (low, high), upright=not item.getViewBox().state["yInverted"])
    axes.left, axes.bottom, axes.top = (_ticks(item.getAxis(side)) for side in ("left", "bottom", "top"))
    axes.labels = {side: item.getAxis(side).labelText or "" for side in ("left", "bottom")}
    axes.grid = not axes.top
    axes.place(paper, size, 1e4)
    around = 1e4 - axes.box[3]  # what the names and labels take
    paper.height = figure.height(_suits(axes, around, paper.width, size, item))
    axes.place(paper, size, paper.height)
    ink = _Ink(chart.theme, figure.theme, axes, size)
    lines, words = axes.draw(figure.theme, paper.font, size)
    paper.body = [*(shape for one in item.items for shape in ink.shapes(one)), *lines]
    paper.words = [*words, *(text for one in item.items for text in ink.texts(one, paper.font))]
    return paper


def _suits(axes: Axes, around: float, wide: float, size: float, item: Any) -> float:
    """A height in points that gives each named row a line of text, or the proportions of a page."""
    if item.getAxis("left")._tickLevels is None:
        return 0.62 * wide
    rows = sum(min(axes.y) <= at <= max(axes.y) for at, _ in axes.left)
    return around + (1.7 if axes.grid else 2.2) * size * max(rows, 2)


def _ticks(axis: Any) -> Ticks:
    """An axis's ticks with their names; its own where it was given none."""
    if not axis.isVisible():
        return ()
    if axis._tickLevels is not None:
        return [(at, printed(name)) for level in axis._tickLevels for at, name in level]
    levels = axis.tickValues(*axis.range, 260)  # as many as suit a column
    found: list[tuple[float, str]] = []
    for spacing, values in levels[:2]:
        if len(found) < 3:
            names = map(printed, axis.tickStrings(values, 1.0, spacing))
            found += list(zip(map(float, values), names, strict=True))
    return found


class _Ink:
    """Turns pyqtgraph's items into shapes, in the colours of paper."""

    def __init__(self, seen: Theme, meant: Theme, axes: Axes, size: float) -> None:
        names = [field.name for field in fields(Theme) if field.name not in ("name", "on_accent")]
        self.roles = {getattr(seen, name): name for name in reversed(names)}
        self.meant, self.axes, self.size = meant, axes, size
        self.scale = size / SCREEN

    def colour(self, colour: QColor) -> tuple[str, str, float]:
        """A colour's role, its code on paper and how much it covers."""
        name = self.roles.get(colour.name(), "")
        return name or "cell", getattr(self.meant, name) if name else colour.name(), round(colour.alphaF(), 3)

    def shapes(self, item: Any) -> Iterator[Shape]:
        """What an item draws, texts left out."""
        if isinstance(item, pg.FillBetweenItem):
            yield from self._band(item)
        elif isinstance(item, pg.InfiniteLine):
            yield from self._rule(item)
        elif isinstance(item, pg.ErrorBarItem):
            yield from self._whiskers(item.opts)
        elif isinstance(item, pg.BarGraphItem):
            yield from self._bars(item.opts)
        elif isinstance(item, pg.PlotDataItem):
            yield from self._line(item)
        elif isinstance(item, pg.ScatterPlotItem):
            for spot in item.points():
                at = (spot.pos().x(), spot.pos().y())
                yield from self._dot(at, str(spot.symbol()), spot.size(), spot.brush(), spot.pen())
        elif isinstance(item, QGraphicsRectItem):
            box = item.rect()
            yield from self._box(box.left(), box.top(), box.right(), box.bottom(), item.brush().color())

    def texts(self, item: Any, family: str) -> Iterator[Text]:
        """An item's words, where they lie in sight and are no wider than the frame."""
        if not isinstance(item, pg.TextItem):
            return
        words = printed(item.textItem.toPlainText())
        (x, y), (across, down) = (item.pos().x(), item.pos().y()), tuple(item.anchor)
        if width(words, family, self.size) > self.axes.box[2] or not self._inside(x, y):
            return
        anchor = "start" if across < 0.3 else "end" if across > 0.7 else "middle"
        left, top = self.axes.at(x, y)
        left += {"start": 0.4, "middle": 0.0, "end": -0.4}[anchor] * self.size
        baseline = top + (0.95 - 1.2 * down) * self.size
        yield Text(left, baseline, words, self.size, self.colour(pg.mkColor(item.color))[1], anchor=anchor)

    def _inside(self, x: float, y: float) -> bool:
        slack = [1e-9 + 0.001 * abs(b - a) for a, b in (self.axes.x, self.axes.y)]
        return (
            min(self.axes.x) - slack[0] <= x <= max(self.axes.x) + slack[0]
            and min(self.axes.y) - slack[1] <= y <= max(self.axes.y) + slack[1]
        )

    def _path(self, x: Sequence[float], y: Sequence[float], pen: Any) -> Iterator[Shape]:
        role, colour, opacity = self.colour(pen.color())
        wide = max(0.5, pen.widthF() * self.scale)
        dash = "" if pen.style() in (pen.style().SolidLine,) else "dashed"
        for piece in pieces(list(zip(x, y, strict=True)), self.axes.x, self.axes.y):
            at = [self.axes.at(*point) for point in piece]
            yield polyline(role, at, colour, wide, opacity=opacity, dash=dash)

    def _area(self, corners: Sequence[Point], colour: QColor) -> Iterator[Shape]:
        inside = clipped(corners, self.axes.x, self.axes.y)
        if len(inside) > 2:
            role, code, opacity = self.colour(colour)
            yield Area(f"{role} area", tuple(self.axes.at(*p) for p in inside), code, opacity)

    def _band(self, item: Any) -> Iterator[Shape]:
        (x0, low), (x1, high) = (curve.getData() for curve in item.curves)
        corners = [*zip(x0, low, strict=True), *reversed(list(zip(x1, high, strict=True)))]
        yield from self._area(corners, item.brush().color())

    def _rule(self, item: Any) -> Iterator[Shape]:
        (left, right), (low, high), at = self.axes.x, self.axes.y, item.value()
        ends = ([left, right], [at, at]) if item.angle == 0 else ([at, at], [low, high])
        yield from self._path(*ends, item.pen)

    def _whiskers(self, opts: dict[str, Any]) -> Iterator[Shape]:
        for i, (x, y) in enumerate(zip(opts["x"], opts["y"], strict=True)):
            for low, high, across in (("left", "right", True), ("bottom", "top", False)):
                if opts.get(low) is None or opts.get(high) is None:
                    continue
                less, more = opts[low][i], opts[high][i]
                ends = ([x - less, x + more], [y, y]) if across else ([x, x], [y - less, y + more])
                yield from self._path(*ends, pg.mkPen(opts["pen"]))

    def _bars(self, opts: dict[str, Any]) -> Iterator[Shape]:
        sides = [_stretch(opts, "x", "width"), _stretch(opts, "y", "height")]
        number = max(len(side) for pair in sides for side in pair)
        (x0, x1), (y0, y1) = ([np.broadcast_to(side, number) for side in pair] for pair in sides)
        brushes = opts["brushes"] if opts.get("brushes") is not None else [opts["brush"]] * number
        for i in range(number):
            yield from self._box(x0[i], y0[i], x1[i], y1[i], pg.mkBrush(brushes[i]).color())

    def _box(self, x0: float, y0: float, x1: float, y1: float, colour: QColor) -> Iterator[Shape]:
        (left, right), (low, high) = sorted(self.axes.x), sorted(self.axes.y)
        x0, x1 = (min(max(x, left), right) for x in sorted((float(x0), float(x1))))
        y0, y1 = (min(max(y, low), high) for y in sorted((float(y0), float(y1))))
        if x0 < x1 and y0 < y1:
            role, code, opacity = self.colour(colour)
            (a, b), (c, d) = self.axes.at(x0, y0), self.axes.at(x1, y1)
            yield Box(f"{role} area", min(a, c), min(b, d), abs(c - a), abs(d - b), code, code, 0.0, "square",
                      opacity=opacity)  # fmt: skip

    def _line(self, item: Any) -> Iterator[Shape]:
        x, y = item.getData()
        if x is None or not len(x):
            return
        opts = item.opts
        if opts.get("stepMode") == "center":
            x, y = np.repeat(x, 2)[1:-1], np.repeat(y, 2)
        if opts.get("fillLevel") is not None and opts.get("fillBrush") is not None:
            level = float(opts["fillLevel"])
            corners = [(x[0], level), *zip(x, y, strict=True), (x[-1], level)]
            yield from self._area(corners, pg.mkBrush(opts["fillBrush"]).color())
        if opts.get("pen") is not None and len(x) > 1:
            yield from self._path(x, y, pg.mkPen(opts["pen"]))
        if opts.get("symbol") is not None:
            brush, pen = pg.mkBrush(opts["symbolBrush"]), pg.mkPen(opts["symbolPen"])
            for at in zip(x, y, strict=True):
                yield from self._dot(at, str(opts["symbol"]), opts["symbolSize"], brush, pen)

    def _dot(self, at: Point, symbol: str, pixels: float, brush: Any, pen: Any) -> Iterator[Shape]:
        if not self._inside(*at):
            return
        (x, y), half = self.axes.at(*at), pixels * self.scale / 2
        role, fill, opacity = self.colour(brush.color())
        lined = pen.style() != pen.style().NoPen
        line = self.colour(pen.color())[1] if lined else fill
        if symbol == "d":
            points = ((x, y - 1.2 * half), (x + half, y), (x, y + 1.2 * half), (x - half, y))
            yield Area(f"{role} dot", points, fill, opacity)
            return
        shape, thick = NAMED.get(symbol, "round"), max(0.5, pen.widthF() * self.scale) if lined else 0.0
        place = (x - half, y - half, 2 * half, 2 * half)
        shape = "pill" if shape == "round" else shape
        yield Box(f"{role} dot", *place, fill, line, thick, shape, opacity=opacity)


def _stretch(opts: dict[str, Any], name: str, size: str) -> tuple[Any, Any]:
    """Ends of bars along an axis, as BarGraphItem reads its options."""
    given = {key: np.atleast_1d(opts[key]).astype(float) for key in (name, f"{name}0", f"{name}1", size)
             if opts.get(key) is not None}  # fmt: skip
    wide = given.get(size, np.zeros(1))
    if f"{name}0" in given:
        return given[f"{name}0"], given.get(f"{name}1", given[f"{name}0"] + wide)
    if name in given:
        return given[name] - wide / 2, given[name] + wide / 2
    return np.zeros(1), wide
