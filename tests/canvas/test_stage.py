"""Big pictures: painted in slices, shown stretched at once, and found by numpy."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.cached import Sheet
from circuitviz.canvas.edges import EdgesItem
from circuitviz.canvas.geometry import Geometry
from circuitviz.canvas.links import Curves
from circuitviz.canvas.overlay import AT_ONCE
from circuitviz.canvas.paint import edge_path, ends, paint_edges
from circuitviz.canvas.picture import CircuitPicture, picture_of
from circuitviz.canvas.theme import LIGHT
from circuitviz.canvas.view import CircuitView
from circuitviz.graph import Circuit, Graph, Scores, Shape
from circuitviz.session import State

SMALL = Graph.transformer(Shape(4, 8, 128))
BIG = Graph.transformer(Shape(12, 12, 768))
pytestmark = pytest.mark.usefixtures("qapp")  # node widths need fonts


def drawn(graph: Graph, most: int) -> CircuitPicture:
    scores = Scores(graph, np.random.default_rng(5).normal(size=graph.mask.shape), "eap")
    return picture_of(State(None, scores, Circuit.full(graph)), most=most)


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.set_theme(LIGHT)
    made.show()
    return made


def pixels(image: QImage) -> np.ndarray:
    whole = image.convertToFormat(QImage.Format.Format_ARGB32)
    return np.frombuffer(whole.constBits(), np.uint8).reshape(whole.height(), -1)


def test_columns_say_what_the_edges_say() -> None:
    picture = drawn(SMALL, 300)
    curves = Geometry.of(picture).curves
    for row, edge in enumerate(picture.edges):
        start, end = ends(picture, edge)
        assert np.allclose(curves.start[row], start.toTuple())
        assert np.allclose(curves.end[row], end.toTuple())
        assert picture.nodes[picture.links.sender[row]].name == edge.sender
        assert picture.nodes[picture.links.node[row]].name == edge.node
        assert picture.edge_rows[edge.name] == [row]


def test_points_lie_on_qts_own_curve() -> None:
    picture = drawn(SMALL, 40)
    curves = Geometry.of(picture).curves
    points = curves.points(np.arange(len(picture.edges)), 9)
    for row, edge in enumerate(picture.edges):
        path = edge_path(picture, edge)
        whole = np.array([path.pointAtPercent(t).toTuple() for t in np.linspace(0, 1, 1500)])
        for x, y in points[row]:
            assert np.hypot(whole[:, 0] - x, whole[:, 1] - y).min() < 0.7


def test_places_are_found_on_any_curve_even_flat_and_falling_ones() -> None:
    rng = np.random.default_rng(7)
    start = rng.uniform(0, 400, (400, 2))
    end = start + rng.normal(0, 200, (400, 2))
    end[:40, 1] = start[:40, 1]
    curves = Curves(start, end)
    fine = curves.points(np.arange(400), 1500)
    for x, y in rng.uniform(0, 400, (60, 2)):
        apart = np.hypot(fine[..., 0] - x, fine[..., 1] - y).min(-1)
        assert set(np.flatnonzero(apart < 4)) <= set(curves.passing(x, y, 4.0))
        found = curves.nearest(x, y, 4.0)
        assert (found is None) == (apart.min() > 4) or abs(apart.min() - 4) < 0.5
        if found is not None:
            assert apart[found] <= apart.min() + 1.3


def test_around_is_what_a_loop_over_the_edges_finds() -> None:
    picture = drawn(SMALL, 200)
    edge = picture.edges[7]
    out, near = picture.around({"a1.h1", "m2"}, {edge.name})
    wanted = [row for row, e in enumerate(picture.edges) if e is edge or {"a1.h1", "m2"} & {e.sender, e.node}]
    assert out.tolist() == wanted
    joined = {n for row in wanted for n in (picture.edges[row].sender, picture.edges[row].node)}
    assert {picture.nodes[row].name for row in near} == joined | {"a1.h1", "m2"}


def test_slices_paint_what_one_go_paints() -> None:
    picture = drawn(SMALL, 150)
    layer = EdgesItem()
    layer.show_geometry(Geometry.of(picture), LIGHT)
    area = layer.reach()
    assert layer.aim(area, 0.7, 1.0)
    slices = 0
    while layer.go_on(perf_counter()):  # no time at all: one stroke each
        slices += 1
    assert slices == len(picture.edges)  # the last look finds nothing more
    assert layer._sharp is not None
    whole = Sheet(area, 0.7, 1.0, [lambda painter: paint_edges(painter, picture, LIGHT, picture.edges)])
    assert not whole.go_on(perf_counter() + 10)
    assert np.array_equal(pixels(layer._sharp.image), pixels(whole.image))


def test_zoom_shows_the_stretched_picture_then_the_sharp_one(view: CircuitView, qtbot: QtBot) -> None:
    view.show_circuit(drawn(SMALL, 1000))
    qtbot.waitUntil(lambda: view.stage.is_sharp)
    before = view.stage.edges._sharp
    view.zoom_by(1.4)
    view.grab()
    assert view.stage.edges._sharp is before and not view.stage.is_in_scale
    qtbot.waitUntil(lambda: view.stage.is_sharp)
    assert view.stage.is_in_scale
    assert view.stage.edges._sharp is not before


def test_panning_repaints_no_edge_until_it_rests(view: CircuitView, qtbot: QtBot) -> None:
    view.show_circuit(drawn(SMALL, 1000))
    view.zoom_by(3.0)
    view.stage.settle()
    sharp = view.stage.edges._sharp
    for _ in range(30):
        view.pan_by(QPoint(-40, 0))
        view.grab()
        assert view.stage.edges._sharp is sharp
    qtbot.waitUntil(lambda: view.stage.is_sharp)
    assert view.stage.edges._sharp is not sharp


def test_a_change_keeps_the_old_picture_a_move_does_not(view: CircuitView) -> None:
    picture = drawn(SMALL, 1000)
    view.show_circuit(picture)
    view.stage.settle()
    ablated = replace(picture, edges=tuple(replace(e, ablated=True) for e in picture.edges))
    view.show_circuit(ablated)
    assert view.stage.edges._sharp is not None and not view.stage.is_sharp
    view.move_nodes({"logits": (300.0, 900.0)})
    assert view.stage.edges._sharp is None
    view.stage.settle()
    assert view.stage.is_sharp


def test_every_edge_of_gpt2_small_and_a_crowd_of_nodes(view: CircuitView) -> None:
    picture = drawn(BIG, 100_000)
    assert len(picture.edges) == 32_491 and len(picture.nodes) == 158
    view.show_circuit(picture)
    assert view.stage.items == {} and view.stage.crowded
    view.stage.settle()
    sharp = view.stage.edges._sharp
    assert sharp is not None and view.stage.is_sharp
    inked = pixels(sharp.image)[:, 3::4] > 0
    assert inked.mean() > 0.3
    for name in ("input", "a3.h4", "m7", "logits"):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.place_of(name))
        assert view.nodes == {name}
        assert len(view.stage.overlay.rows) == sum(name in (e.sender, e.node) for e in picture.edges)
        view.grab()


def test_a_draft_is_a_frames_work(view: CircuitView) -> None:
    layer = EdgesItem()
    layer.show_geometry(Geometry.of(drawn(BIG, 100_000)), LIGHT)
    image = QImage(900, 700, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.scale(0.4, 0.4)
    painter.translate(-layer.reach().topLeft())
    layer.draft(painter, QRectF(layer.reach()), 0.4)
    painter.end()
    assert (pixels(image)[:, 3::4] > 0).mean() > 0.1


def test_a_crowds_node_is_drawn_where_it_is_found(view: CircuitView) -> None:
    view.show_circuit(drawn(BIG, 500))
    view.stage.settle()
    node = view.picture.by_name["a5.h5"]
    assert view.stage.geometry.node_at(QPointF(node.x, -node.y)) == node
    sheet = view.stage.crowd._sharp
    assert sheet is not None
    at = (QPointF(node.x - 24, -node.y) - sheet.area.topLeft()) * sheet.scale
    assert sheet.image.pixelColor(at.toPoint()).alpha() == 255


def test_what_stands_out_is_rough_at_once_and_whole_at_rest(
    view: CircuitView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.show_circuit(drawn(BIG, 5000))
    view.stage.settle()
    overlay, painted = view.stage.overlay, []
    strokes = overlay._strokes
    monkeypatch.setattr(overlay, "_strokes", lambda rows: (painted.append(len(rows)), strokes(rows))[1])
    view.select(set(view.picture.by_name))
    assert len(overlay.rows) == 5000 and not view.stage.is_sharp
    view.viewport().repaint()
    assert painted == [AT_ONCE]
    for _ in range(3):  # an image of the draft is stretched
        view.zoom_by(1.1)
        view.viewport().repaint()
    assert painted == [AT_ONCE, AT_ONCE]
    qtbot.waitUntil(lambda: view.stage.is_sharp, timeout=30_000)
    assert painted[-1] == 5000 and overlay.shows(view.zoom)
    assert not view.stage.crowd._faded  # all are brought forward: nothing is left to step back
    view.select(set())
    assert view.stage.is_sharp and not len(overlay.rows)


def test_of_a_crowd_at_one_place_the_strongest_is_found() -> None:
    many = Curves(np.zeros((900, 2)), np.stack([np.linspace(-40, 40, 900), np.full(900, -100.0)], -1))
    assert many.nearest(0.0, 0.0, 5.0) == 899
    assert many.nearest(40.0, -100.0, 0.05) == 899 and many.nearest(500.0, 0.0, 5.0) is None
