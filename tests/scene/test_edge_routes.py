"""Edges pass beside boxes: no point of a curve, found one by one, lies in a box that is not at its end."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.scene.edge_routes import MAX_ROUTED_EDGES, route_around_boxes

HALF = np.array([33.0, 10.0])


def scene(layers: int, heads: int, edges: int, layout: str = "layered") -> CircuitScene:
    graph = Graph.transformer(ModelShape(layers, heads, 64))
    scores = Scores(graph, np.random.default_rng(layers).normal(size=graph.mask.shape), "eap")
    return build_scene(State(None, scores, scores.greedy(edges)), layout)


def plain_curves(picture: CircuitScene, is_horizontal: bool) -> tuple[EdgeCurves, np.ndarray]:
    """Curves without waypoints and boxes, of a picture as it is or with layers from left to right."""
    places = [(2 * n.y, n.x / 2) if is_horizontal else (n.x, -n.y) for n in picture.nodes]
    middle = np.array(places)
    bounds = np.concatenate([middle - HALF, middle + HALF], axis=1)
    side = HALF * ((1, 0) if is_horizontal else (0, -1))
    start, end = middle[picture.edges.sender] + side, middle[picture.edges.receiver] - side
    return EdgeCurves(start, end, is_horizontal), bounds


def boxes_met(curves: EdgeCurves, bounds: np.ndarray, picture: CircuitScene) -> int:
    """How many boxes edges run through, looked for point by point and box by box."""
    met = 0
    for row in range(len(curves.start)):
        points = curves.points(np.array([row]), 1200)[0]
        ends = {int(picture.edges.sender[row]), int(picture.edges.receiver[row])}
        for box, (left, top, right, bottom) in enumerate(bounds.tolist()):
            x, y = points.T
            inside = (left + 0.5 < x) & (x < right - 0.5) & (top + 0.5 < y) & (y < bottom - 0.5)
            met += box not in ends and bool(inside.any())
    return met


@pytest.mark.parametrize("is_horizontal", [False, True])
@pytest.mark.parametrize(("layers", "heads", "edges"), [(6, 4, 60), (12, 8, 150), (24, 6, 120)])
def test_no_edge_runs_through_a_box(layers: int, heads: int, edges: int, is_horizontal: bool) -> None:
    picture = scene(layers, heads, edges)
    plain, bounds = plain_curves(picture, is_horizontal)
    before = boxes_met(plain, bounds, picture)
    routed = route_around_boxes(plain, bounds)
    after = boxes_met(routed, bounds, picture)
    assert before > 20 and after <= 0.02 * before
    assert np.array_equal(routed.start, plain.start) and np.array_equal(routed.end, plain.end)


def test_edges_through_one_gap_are_a_bundle() -> None:
    """Three edges whose straight ways run through one box pass it on one line."""
    bounds = np.array([[-30, 0, 30, 10], [-30, -50, 30, -40], [-30, -100, 30, -90.0]])
    x = np.array([4.0, 6.0, 8.0])
    plain = EdgeCurves(np.stack([x, np.zeros(3)], -1), np.stack([x, np.full(3, -90.0)], -1))
    routed = route_around_boxes(plain, bounds)
    assert routed.waypoints is not None
    assert routed.waypoints.edge.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(set(routed.waypoints.place[:, 0].tolist())) == 1
    assert routed.waypoints.place[0, 0] > 30
    assert routed.waypoints.place[:2, 1].tolist() == [-40, -50]  # from its start to its end


def test_what_is_free_or_a_crowd_stays_as_it_is() -> None:
    bounds = np.array([[-30, 0, 30, 10], [100, -50, 160, -40], [-30, -100, 30, -90.0]])
    one = EdgeCurves(np.array([[0.0, 0.0]]), np.array([[5.0, -90.0]]))
    assert route_around_boxes(one, bounds).waypoints is None
    many = EdgeCurves(np.zeros((MAX_ROUTED_EDGES + 1, 2)), np.full((MAX_ROUTED_EDGES + 1, 2), -90.0))
    assert route_around_boxes(many, bounds) is many
    down = EdgeCurves(np.array([[0.0, -90.0]]), np.array([[0.0, 20.0]]))  # a node that was moved below
    assert route_around_boxes(down, bounds).waypoints is None
