"""Big pictures: painted in slices, shown stretched at once, and found by numpy."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.cached_item import RenderBuffer
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.edge_highlight_item import MAX_EDGES_PER_FRAME
from circuitviz.canvas.edges_item import EdgesItem
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.document import State
from circuitviz.graph import Circuit, Graph, ModelShape, Scores
from circuitviz.paint.circuit_painter import edge_steps, node_box
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_curves import EdgeCurves, EdgeWaypoints
from circuitviz.scene.theme import LIGHT
from circuitviz.shapes.edge_styles import EdgeStyles
from circuitviz.shapes.node_shapes import NODE_WIDTHS

SMALL = Graph.transformer(ModelShape(4, 8, 128))
BIG = Graph.transformer(ModelShape(12, 12, 768))
pytestmark = pytest.mark.usefixtures("qapp")  # node widths need fonts


def drawn(graph: Graph, most: int) -> CircuitScene:
    scores = Scores(graph, np.random.default_rng(5).normal(size=graph.mask.shape), "eap")
    return build_scene(State(None, scores, Circuit.full(graph)), max_edges=most)


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
    curves = SceneGeometry.from_scene(picture).curves
    for row, edge in enumerate(picture.edges):
        sender, receiver = picture.by_name[edge.sender], picture.by_name[edge.receiver]
        port = {"q": -0.3, "v": 0.3}.get(edge.channel, 0.0) * NODE_WIDTHS[receiver.kind]
        assert np.allclose(curves.start[row], (sender.x, node_box(sender).top()))
        assert np.allclose(curves.end[row], (receiver.x + port, node_box(receiver).bottom()))
        assert picture.nodes[picture.edges.sender[row]].name == edge.sender
        assert picture.nodes[picture.edges.receiver[row]].name == edge.receiver
        assert picture.edge_rows[edge.name] == [row]


def test_points_lie_on_qts_own_curve() -> None:
    picture = drawn(SMALL, 40)
    curves = SceneGeometry.from_scene(picture).curves
    points = curves.points(np.arange(len(picture.edges)), 9)
    for row in range(len(picture.edges)):
        start, *bends = (QPointF(*point) for point in curves.cubics(np.array([row]))[0])
        path = QPainterPath(start)
        for piece in range(0, len(bends), 3):
            path.cubicTo(*bends[piece : piece + 3])
        whole = np.array([path.pointAtPercent(t).toTuple() for t in np.linspace(0, 1, 1500)])
        for x, y in points[row]:
            assert np.hypot(whole[:, 0] - x, whole[:, 1] - y).min() < 0.7


@pytest.mark.parametrize("is_horizontal", [False, True])
@pytest.mark.parametrize("n_waypoints", [0, 300])
def test_places_are_found_on_any_curve_even_flat_and_falling_ones(
    n_waypoints: int, is_horizontal: bool
) -> None:
    rng = np.random.default_rng(7)
    start = rng.uniform(0, 400, (400, 2))
    end = start + rng.normal(0, 200, (400, 2))
    end[:40, 1] = start[:40, 1]
    passed = EdgeWaypoints(np.sort(rng.integers(0, 400, n_waypoints)), rng.uniform(0, 400, (n_waypoints, 2)))
    curves = EdgeCurves(start, end, is_horizontal, passed)
    fine = curves.points(np.arange(400), 6000 if n_waypoints else 1500)
    for x, y in rng.uniform(0, 400, (60, 2)):
        apart = np.hypot(fine[..., 0] - x, fine[..., 1] - y).min(-1)
        assert set(np.flatnonzero(apart < 4)) <= set(curves.rows_near(x, y, 4.0))
        found = curves.nearest_row(x, y, 4.0)
        assert (found is None) == (apart.min() > 4) or abs(apart.min() - 4) < 0.5
        if found is not None:
            assert apart[found] <= apart.min() + 1.3


def test_around_is_what_a_loop_over_the_edges_finds() -> None:
    picture = drawn(SMALL, 200)
    edge = picture.edges[7]
    out, near = picture.neighbourhood({"a1.h1", "m2"}, {edge.name})
    wanted = [
        row for row, e in enumerate(picture.edges) if e == edge or {"a1.h1", "m2"} & {e.sender, e.receiver}
    ]
    assert out.tolist() == wanted
    joined = {n for row in wanted for n in (picture.edges[row].sender, picture.edges[row].receiver)}
    assert {picture.nodes[row].name for row in near} == joined | {"a1.h1", "m2"}


def test_slices_paint_what_one_go_paints() -> None:
    picture = drawn(SMALL, 150)
    layer = EdgesItem()
    geometry, styles = SceneGeometry.from_scene(picture), EdgeStyles.of_edges(picture.edges, LIGHT)
    layer.show_geometry(geometry, styles)
    area = layer.extent()
    assert layer.begin_render(area, 0.7, 1.0)
    slices = 0
    while layer.render_slice(perf_counter()):  # no time at all: one stroke each
        slices += 1
    assert slices == len(picture.edges)  # the last look finds nothing more
    assert layer._current_image is not None
    steps = edge_steps(geometry.curves, styles, np.arange(len(picture.edges)))
    whole = RenderBuffer(area, 0.7, 1.0, [lambda painter: [step(painter) for step in steps]])
    assert not whole.render_slice(perf_counter() + 10)
    assert np.array_equal(pixels(layer._current_image.image), pixels(whole.image))


def test_zoom_shows_the_stretched_picture_then_the_sharp_one(view: CircuitView, qtbot: QtBot) -> None:
    view.show_scene(drawn(SMALL, 1000))
    qtbot.waitUntil(lambda: view.scene_items.is_sharp)
    before = view.scene_items.edges_item._current_image
    view.zoom_by(1.4)
    view.grab()
    assert view.scene_items.edges_item._current_image is before and not view.scene_items.is_unstretched
    qtbot.waitUntil(lambda: view.scene_items.is_sharp)
    assert view.scene_items.is_unstretched
    assert view.scene_items.edges_item._current_image is not before


def test_panning_repaints_no_edge_until_it_rests(view: CircuitView, qtbot: QtBot) -> None:
    view.show_scene(drawn(SMALL, 1000))
    view.zoom_by(3.0)
    view.scene_items.render_now()
    sharp = view.scene_items.edges_item._current_image
    for _ in range(30):
        view.pan_by(QPoint(-40, 0))
        view.grab()
        assert view.scene_items.edges_item._current_image is sharp
    qtbot.waitUntil(lambda: view.scene_items.is_sharp)
    assert view.scene_items.edges_item._current_image is not sharp


def test_a_change_keeps_the_old_picture_a_move_does_not(view: CircuitView) -> None:
    picture = drawn(SMALL, 1000)
    view.show_scene(picture)
    view.scene_items.render_now()
    ablated = replace(picture, edges=replace(picture.edges, ablated=np.ones(len(picture.edges), bool)))
    view.show_scene(ablated)
    assert view.scene_items.edges_item._current_image is not None and not view.scene_items.is_sharp
    view.move_nodes({"logits": (300.0, 900.0)})
    assert view.scene_items.edges_item._current_image is None
    view.scene_items.render_now()
    assert view.scene_items.is_sharp


def test_every_edge_of_gpt2_small_and_a_crowd_of_nodes(view: CircuitView) -> None:
    picture = drawn(BIG, 100_000)
    assert len(picture.edges) == 32_491 and len(picture.nodes) == 158
    view.show_scene(picture)
    assert view.scene_items.node_items == {} and view.scene_items.is_batched
    view.scene_items.render_now()
    sharp = view.scene_items.edges_item._current_image
    assert sharp is not None and view.scene_items.is_sharp
    inked = pixels(sharp.image)[:, 3::4] > 0
    assert inked.mean() > 0.3
    for name in ("input", "a3.h4", "m7", "logits"):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.viewport_position(name))
        assert view.selected_nodes == {name}
        assert len(view.scene_items.edge_highlight.edge_rows) == sum(
            name in (e.sender, e.receiver) for e in picture.edges
        )
        view.grab()


def test_a_draft_is_a_frames_work(view: CircuitView) -> None:
    layer = EdgesItem()
    picture = drawn(BIG, 100_000)
    layer.show_geometry(SceneGeometry.from_scene(picture), EdgeStyles.of_edges(picture.edges, LIGHT))
    image = QImage(900, 700, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.scale(0.4, 0.4)
    painter.translate(-layer.extent().topLeft())
    layer.paint_draft(painter, QRectF(layer.extent()), 0.4)
    painter.end()
    assert (pixels(image)[:, 3::4] > 0).mean() > 0.1


def test_a_crowds_node_is_drawn_where_it_is_found(view: CircuitView) -> None:
    view.show_scene(drawn(BIG, 500))
    view.scene_items.render_now()
    node = view.circuit_scene.by_name["a5.h5"]
    assert view.scene_items.geometry.node_at(QPointF(node.x, -node.y)) == node
    sheet = view.scene_items.node_batch._current_image
    assert sheet is not None
    at = (QPointF(node.x - 24, -node.y) - sheet.area.topLeft()) * sheet.scale
    assert sheet.image.pixelColor(at.toPoint()).alpha() == 255


def test_what_stands_out_is_rough_at_once_and_whole_at_rest(
    view: CircuitView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.show_scene(drawn(BIG, 5000))
    view.scene_items.render_now()
    overlay, painted = view.scene_items.edge_highlight, []
    strokes = overlay._strokes
    monkeypatch.setattr(overlay, "_strokes", lambda rows: (painted.append(len(rows)), strokes(rows))[1])
    view.select(set(view.circuit_scene.by_name))
    assert len(overlay.edge_rows) == 5000 and not view.scene_items.is_sharp
    view.viewport().repaint()
    assert painted == [MAX_EDGES_PER_FRAME]
    for _ in range(3):  # an image of the draft is stretched
        view.zoom_by(1.1)
        view.viewport().repaint()
    assert painted == [MAX_EDGES_PER_FRAME, MAX_EDGES_PER_FRAME]
    qtbot.waitUntil(lambda: view.scene_items.is_sharp, timeout=30_000)
    assert painted[-1] == 5000 and overlay.is_rendered_at(view.zoom)
    assert not view.scene_items.node_batch._is_dimmed  # all are brought forward: nothing is left to step back
    view.select(set())
    assert view.scene_items.is_sharp and not len(overlay.edge_rows)


def test_of_a_crowd_at_one_place_the_strongest_is_found() -> None:
    many = EdgeCurves(np.zeros((900, 2)), np.stack([np.linspace(-40, 40, 900), np.full(900, -100.0)], -1))
    assert many.nearest_row(0.0, 0.0, 5.0) == 899
    assert many.nearest_row(40.0, -100.0, 0.05) == 899 and many.nearest_row(500.0, 0.0, 5.0) is None
