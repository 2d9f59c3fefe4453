"""The canvas under a real mouse and keyboard."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainterPath
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_geometry import SceneGeometry
from circuitviz.document import Label, State
from circuitviz.graph import Circuit, Graph, ModelShape, NodeKind, Scores
from circuitviz.paint.circuit_painter import canvas_font, node_box
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.status_text import status_text
from circuitviz.scene.theme import DARK, LIGHT, Theme
from circuitviz.shapes.node_shapes import NODE_WIDTHS

GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
pytestmark = pytest.mark.usefixtures("qapp")  # node widths need fonts
CIRCUIT = SCORES.greedy(80)
NODE = next(n for n in CIRCUIT.node_names if n.startswith("a"))
STATE = State(None, SCORES, CIRCUIT, labels={NODE: Label("previous token", "#aa3300")})


@pytest.fixture
def view(qtbot: QtBot) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(900, 700)
    made.set_theme(LIGHT)
    made.show()
    made.show_scene(build_scene(STATE), "showing")
    return made


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
def test_text_stands_out_from_every_ground(theme: Theme) -> None:
    grounds = (theme.window, theme.panel, theme.raised, theme.ground)
    inks = [(theme.text, g) for g in (*grounds, theme.head, theme.mlp, theme.end)]
    inks += [(theme.muted, g) for g in grounds] + [(theme.on_accent, theme.accent)]
    inks += [(theme.warning, theme.panel), (theme.accent, theme.panel)]
    for ink, ground in inks:
        high, low = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)


def edge_path(geometry: SceneGeometry, row: int) -> QPainterPath:
    start, *bends = (QPointF(*point) for point in geometry.curves.cubics(np.array([row]))[0])
    path = QPainterPath(start)
    for piece in range(0, len(bends), 3):
        path.cubicTo(*bends[piece : piece + 3])
    return path


def test_no_two_nodes_overlap_and_depth_goes_up() -> None:
    for layout in ("layered", "grid"):
        picture = build_scene(STATE, layout)
        for a, b in itertools.combinations(picture.nodes, 2):
            assert not node_box(a).intersects(node_box(b)), (layout, a.name, b.name)
        for edge in picture.edges:
            low, high = picture.by_name[edge.sender], picture.by_name[edge.receiver]
            assert low.y < high.y or (layout == "grid" and low.layer == high.layer)  # a row is a layer


def test_places_are_the_same_each_time_and_pinned_stay() -> None:
    from dataclasses import replace

    assert build_scene(STATE) == build_scene(STATE)
    pinned = replace(STATE, positions={NODE: (1234.0, 5.0)})
    node = build_scene(pinned).by_name[NODE]
    assert (node.x, node.y) == (1234.0, 5.0)


def test_edges_are_found_as_brute_force_finds_them() -> None:
    """Against two thousand points along each of Qt's own curves."""
    picture = build_scene(STATE)
    geometry = SceneGeometry.from_scene(picture)
    shares = np.linspace(0, 1, 2000)
    paths = [edge_path(geometry, row) for row in range(len(picture.edges))]
    points = np.array([[path.pointAtPercent(t).toTuple() for t in shares] for path in paths])
    rng = np.random.default_rng(1)
    found = 0
    for x, y in [*rng.uniform((-500, -600), (500, 100), (300, 2)), *points[::7, 777]]:
        apart = np.hypot(points[..., 0] - x, points[..., 1] - y).min(-1)
        edge = geometry.edge_at(QPointF(x, y), 6.0)
        if edge is None:
            assert apart.min() > 5.7
        else:
            assert apart[picture.edges.index(edge)] <= apart.min() + 1.5
            found += 1
    assert found > 30
    assert geometry.edge_at(QPointF(99_999, 0), 8) is None


def test_click_adds_and_clears(view: CircuitView) -> None:
    heard: list[tuple[frozenset[str], frozenset[str]]] = []
    view.selection_changed.connect(lambda n, e: heard.append((n, e)))
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(view.viewport(), left, pos=view.viewport_position(NODE))
    QTest.mouseClick(
        view.viewport(), left, Qt.KeyboardModifier.ControlModifier, pos=view.viewport_position("logits")
    )
    QTest.mouseClick(view.viewport(), left, pos=QPoint(5, view.viewport().height() // 2))
    assert [set(n) for n, _ in heard] == [{NODE}, {NODE, "logits"}, set()]


def test_clicking_an_edge_selects_it(view: CircuitView) -> None:
    geometry = view.scene_items.geometry
    at = view.mapFromScene(edge_path(geometry, len(geometry.scene.edges) - 1).pointAtPercent(0.5))
    expected = view.edge_at(at)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert expected is not None and view.selected_edges == {expected.name}


def test_dragging_a_node_moves_it_and_dragging_the_ground_pans(view: CircuitView) -> None:
    moved: list[dict[str, tuple[float, float]]] = []
    view.nodes_moved.connect(moved.append)
    start = view.viewport_position(NODE)
    drag(view, start, start + QPoint(40, -30))
    assert set(moved[0]) == {NODE}
    assert (view.viewport_position(NODE) - start - QPoint(40, -30)).manhattanLength() <= 3
    before = view.viewport_position("logits")
    ground = QPoint(6, view.viewport().height() // 2)
    drag(view, ground, ground + QPoint(50, 20))
    assert (view.viewport_position("logits") - before - QPoint(50, 20)).manhattanLength() <= 15
    assert len(moved) == 1


def test_a_rubber_band_selects_what_it_holds(view: CircuitView) -> None:
    area = view.viewport().rect()
    shift = Qt.KeyboardModifier.ShiftModifier
    drag(view, area.topLeft() + QPoint(2, 2), area.bottomRight() - QPoint(2, 2), shift)
    assert view.selected_nodes == set(view.circuit_scene.by_name)


def test_keys_walk_and_escape_clears(view: CircuitView) -> None:
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.selected_nodes == {"logits"}
    QTest.keyClick(view, Qt.Key.Key_Down)
    into = [e for e in view.circuit_scene.edges if e.receiver == "logits"]
    assert view.selected_nodes == {max(into, key=lambda e: e.strength).sender}
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not view.selected_nodes


def test_zoom_keeps_the_point_and_fit_shows_everything(view: CircuitView) -> None:
    at = QPointF(300, 200)
    before = view.mapToScene(at.toPoint())
    view.zoom_by(2.0, at)
    after = view.mapToScene(at.toPoint())
    assert abs(before.x() - after.x()) + abs(before.y() - after.y()) < 3
    view.fit()
    room = view.viewport().rect()
    assert all(room.contains(view.viewport_position(n.name)) for n in view.circuit_scene.nodes)


def test_all_edges_of_gpt2_small_are_drawn(view: CircuitView) -> None:
    graph = Graph.transformer(ModelShape(12, 12, 768))
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap")
    state = State(None, scores, Circuit.full(graph))
    scene = build_scene(state)
    assert scene.n_circuit_edges == len(scene.edges) == 32_491 and len(scene.nodes) == 158
    assert status_text(state, scene).startswith("showing 32,491 of 32,491")
    view.show_scene(scene, "many")
    view.grab()
    few = build_scene(state, max_edges=2000)
    weakest = np.abs(few.edges.score).min()
    assert len(few.edges) == 2000 and (np.abs(scores.values[graph.mask]) > weakest).sum() <= 2000


def drag(
    view: CircuitView,
    start: QPoint,
    end: QPoint,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    port, left = view.viewport(), Qt.MouseButton.LeftButton
    QTest.mousePress(port, left, keys, start)
    for step in range(1, 6):
        QTest.mouseMove(port, start + (end - start) * step / 5)
    QTest.mouseRelease(port, left, keys, end)


def test_text_is_larger_where_the_systems_is_and_stays_in_its_box(view: CircuitView) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    kept = app.font()
    try:
        sizes = []
        for points in (8.0, 9.0, 11.0, 40.0):
            larger = QFont(kept)
            larger.setPointSizeF(points)
            app.setFont(larger)
            sizes.append(canvas_font(12).pixelSize())
            assert QFontMetricsF(canvas_font(12)).horizontalAdvance("a11.h11") < NODE_WIDTHS[NodeKind.HEAD]
        assert sizes == sorted(set(sizes))
    finally:
        app.setFont(kept)


def test_a_few_pixels_move_nothing_and_more_lay_out_anew(view: CircuitView) -> None:
    """A bar of progress that comes below the canvas is no reason to move nodes under the pointer."""
    before = {name: view.viewport_position(name) for name in view.circuit_scene.by_name}
    view.resize(view.width(), view.height() - 6)
    QApplication.processEvents()
    assert {name: view.viewport_position(name) for name in view.circuit_scene.by_name} == before
    view.resize(view.width(), view.height() - 60)
    QApplication.processEvents()
    assert {name: view.viewport_position(name) for name in view.circuit_scene.by_name} != before
