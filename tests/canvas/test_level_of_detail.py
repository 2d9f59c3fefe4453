"""Far, boxes tell importance in bands of layers; nearer, the strongest have names; and a grid of all heads."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas import foreground
from circuitviz.canvas.backdrop_item import layer_bands
from circuitviz.canvas.cached_item import DIMMED_OPACITY
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.name_tags import strongest_nodes
from circuitviz.canvas.scene_request import SceneRequest
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.paint.circuit_painter import FAR_ZOOM, LEGIBLE_ZOOM, node_box
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.theme import THEMES
from circuitviz.shapes.node_shapes import heat_colour


def state(layers: int = 12, heads: int = 6, edges: int = 200) -> State:
    graph = Graph.transformer(ModelShape(layers, heads, 64))
    rng = np.random.default_rng(layers)
    values = rng.normal(size=graph.mask.shape) * rng.exponential(size=graph.mask.shape)
    scores = Scores(graph, values, "eap")
    return State(None, scores, scores.greedy(edges))


@pytest.fixture(params=["light", "dark"])
def view(qtbot: QtBot, request: pytest.FixtureRequest) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(700, 480)
    made.set_theme(THEMES[request.param])
    made.show()
    return made


def colour_in_box(view: CircuitView, name: str) -> str:
    """The commonest colour in the box of a node."""
    view.scene_items.render_now()
    node = view.circuit_scene.by_name[name]
    rect = view.viewportTransform().mapRect(node_box(node)).toRect().adjusted(2, 2, -2, -2)
    image = view.viewport().grab().toImage().copy(rect)
    counts: dict[str, int] = {}
    for x in range(image.width()):
        for y in range(image.height()):
            name_here = image.pixelColor(x, y).name()
            counts[name_here] = counts.get(name_here, 0) + 1
    return max(counts, key=lambda key: counts[key])


def test_importance_is_the_sum_of_the_scores_of_a_nodes_edges() -> None:
    scene = build_scene(state())
    sums = {node.name: 0.0 for node in scene.nodes}
    for edge in scene.edges:
        sums[edge.sender] += abs(edge.score)
        sums[edge.receiver] += abs(edge.score)
    greatest = max(value for name, value in sums.items() if name not in ("input", "logits"))
    for name, share in zip(sums, scene.importance, strict=True):
        assert share == pytest.approx(1.0 if name in ("input", "logits") else sums[name] / greatest)


def test_from_afar_boxes_tell_importance_and_layers_are_bands(view: CircuitView) -> None:
    view.show_scene(build_scene(state(60, 12, 1500)))
    view.fit(show_all=True)
    view.zoom_by(0.34 / view.zoom)
    assert view.zoom < FAR_ZOOM
    scene = view.circuit_scene
    name = strongest_nodes(scene)[-1]
    view.center_view_on(QPointF(scene.by_name[name].x, -scene.by_name[name].y))
    assert colour_in_box(view, name) == heat_colour(1.0, view.theme)
    bands = layer_bands(view.scene_items.geometry)
    assert len(bands) == len(scene.layer_rows)
    for (top, bottom), row in zip(bands, reversed(scene.layer_rows), strict=True):
        assert top < -row.place < bottom


def tagged(view: CircuitView, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(foreground, "paint_name_tags", lambda *given: found.extend(given[-1]))
        view.grab()
    return [name for name in found if name]


def test_in_the_middle_the_strongest_have_names_and_what_is_pointed_at(
    view: CircuitView, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.show_scene(build_scene(state(40, 8, 600)))
    view.zoom_by(0.5 / view.zoom)
    assert FAR_ZOOM < view.zoom < LEGIBLE_ZOOM
    strongest = strongest_nodes(view.circuit_scene)
    assert tagged(view, monkeypatch) == strongest and 3 < len(strongest) < 20
    edge = view.circuit_scene.edges[len(view.circuit_scene.edges) // 2]
    view.set_hover(edge.name)
    assert {edge.sender, edge.receiver} <= set(tagged(view, monkeypatch)[-3:])
    view.zoom_by(1.0 / view.zoom)
    assert not tagged(view, monkeypatch)  # all names are in their boxes


def test_pointing_at_an_edge_fades_no_name(view: CircuitView) -> None:
    view.show_scene(build_scene(state(6, 4, 60)))
    edge = view.circuit_scene.edges[-1]
    view.set_hover(edge.name)
    assert all(item.opacity() == 1.0 for item in view.scene_items.node_items.values())
    view.set_hover(edge.sender)
    assert DIMMED_OPACITY in {item.opacity() for item in view.scene_items.node_items.values()}


def test_the_grid_has_a_cell_for_each_head_and_shows_edges_on_demand(view: CircuitView) -> None:
    view.show_scene(build_scene(state(), "grid"))
    scene, geometry, to_view = view.circuit_scene, view.scene_items.geometry, view.viewportTransform()
    assert len(scene.cells) == 12 * 7  # heads and MLPs
    assert len(geometry.empty_cells) == sum(name not in scene.by_name for name in scene.cells) > 0
    free = view.free_area
    assert all(free.contains(to_view.mapRect(cell)) for cell in geometry.empty_cells)
    boxes = [node_box(node) for node in scene.nodes] + list(geometry.empty_cells)
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert [column.text for column in scene.columns] == ["0", "1", "2", "3", "4", "5", "MLP"]
    for node in scene.nodes:
        if node.cell is not None:
            column = scene.columns[6 if node.name[0] == "m" else int(node.name.partition(".h")[2])]
            assert column.left < node.x < column.right
    assert [row.layer for row in scene.layer_rows] == list(range(12))
    assert not view.scene_items.edges_item.isVisible()
    assert [*view.scene_items.edge_highlight.edge_rows] == []
    name = strongest_nodes(scene)[-1]
    heat = heat_colour(1.0, view.theme)
    assert colour_in_box(view, name) == heat
    at = view.viewport_position(name)
    QTest.mouseMove(view.viewport(), at + QPoint(200, 200))
    QTest.mouseMove(view.viewport(), at)
    rows = view.scene_items.edge_highlight.edge_rows
    assert len(rows) and all(name in (scene.edges[r].sender, scene.edges[r].receiver) for r in rows.tolist())
    assert {item.opacity() for item in view.scene_items.node_items.values()} == {1.0}


def test_an_edge_that_is_not_shown_cannot_be_clicked(view: CircuitView) -> None:
    view.show_scene(build_scene(state(), "grid"))
    row = len(view.circuit_scene.edges) - 1
    edge = view.circuit_scene.edges[row]
    points = view.scene_items.geometry.curves.points(np.array([row]), 33)[0]
    places = [view.mapFromScene(QPointF(*point)) for point in points.tolist()]
    place = next(p for p in places if view.node_at(p) is None)
    assert view.edge_at(place) is None
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.viewport_position(edge.sender))
    assert view.edge_at(place) is not None


def test_nodes_hold_still_while_a_search_refines(view: CircuitView) -> None:
    whole = state(12, 6, 200)
    assert whole.scores is not None
    places: dict[str, tuple[QPoint, float]] = {}
    for edges in (20, 60, 120, 200):
        part = State(None, whole.scores, whole.scores.greedy(edges))
        view.show_scene(SceneRequest(part, "layered", is_searching=True).build().scene)
        for name in view.circuit_scene.by_name:
            at = view.viewport_position(name), view.zoom
            assert places.setdefault(name, at) == at
    assert view.scene_items.edges_item.isVisible()  # nobody asked for edges on demand
    view.show_scene(SceneRequest(whole, "layered").build().scene)
    assert not view.circuit_scene.cells  # it ended: the layout that was chosen
