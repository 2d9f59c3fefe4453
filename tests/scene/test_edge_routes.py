"""Edges pass beside boxes: no point of a curve, found one by one, lies in a box that is not at its end."""

from __future__ import annotations

import numpy as np
import pytest

from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.edge_curves import EdgeCurves
from circuitviz.scene.edge_routes import (
    MAX_PASSED_ROWS,
    MAX_ROUTED_EDGES,
    ROUTED_EDGES_IN_CROWD,
    route_around_boxes,
)

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
    routed = route_around_boxes(plain, bounds, 0.8 + 4 * np.sqrt(picture.edges.strength))
    after = boxes_met(routed, bounds, picture)
    assert before > 20 and after <= 0.02 * before
    assert np.array_equal(routed.start, plain.start) and np.array_equal(routed.end, plain.end)


@pytest.mark.parametrize("is_horizontal", [False, True])
@pytest.mark.parametrize(("gap", "is_apart"), [(200.0, True), (9.0, False)])
def test_edges_through_one_gap_run_beside_each_other(gap: float, is_apart: bool, is_horizontal: bool) -> None:
    """Three edges whose straight ways run through one box pass it in one gap, as far apart as it allows."""
    bounds = np.array([[-30, 0, 30, 10], [-30, -50, 30, -40], [30 + gap, -50, 90 + gap, -40]])
    bounds = np.concatenate([bounds, [[-30, -100, 30, -90.0]]])
    x, widths = np.array([24.0, 16.0, 20.0]), np.array([4.8, 0.8, 2.0])
    start, end = np.stack([x, np.zeros(3)], -1), np.stack([x, np.full(3, -90.0)], -1)
    if is_horizontal:
        bounds, start, end = -bounds[:, [3, 2, 1, 0]], -start[:, ::-1], -end[:, ::-1]
        bounds, start, end = bounds * (1, -1, 1, -1), start * (1, -1), end * (1, -1)
        bounds = bounds[:, [0, 3, 2, 1]]
    routed = route_around_boxes(EdgeCurves(start, end, is_horizontal), bounds, widths)
    assert routed.waypoints is not None
    assert routed.waypoints.edge.tolist() == [0, 0, 1, 1, 2, 2]
    across, along = routed.axes
    lines = routed.waypoints.place[:, across].reshape(3, 2)
    assert np.array_equal(lines[:, 0], lines[:, 1])  # straight through the gap
    assert abs(routed.waypoints.place[:2, along]).tolist() == [40, 50]  # from its start to its end
    first, second, third = lines[[1, 2, 0], 0]  # in the order of their ways
    assert 30 < first < second < third < 30 + gap
    assert (second - first >= 1.4 and third - second >= 3.4) == is_apart  # half of both widths


def test_of_a_crowd_the_strongest_are_routed() -> None:
    bounds = np.array([[-30, 0, 30, 10], [-30, -50, 30, -40], [-30, -100, 30, -90.0]])
    n = MAX_ROUTED_EDGES + 7
    many = EdgeCurves(np.zeros((n, 2)), np.full((n, 2), -90.0) * (0, 1))
    routed = route_around_boxes(many, bounds, np.ones(n))
    assert routed.waypoints is not None
    assert set(routed.waypoints.edge.tolist()) == set(range(n - ROUTED_EDGES_IN_CROWD, n))
    few = route_around_boxes(EdgeCurves(many.start[7:], many.end[7:]), bounds, np.ones(MAX_ROUTED_EDGES))
    assert few.waypoints is not None and len(set(few.waypoints.edge.tolist())) == MAX_ROUTED_EDGES
    assert np.abs(routed.waypoints.place[:, 0]).max() <= 35  # not beyond the picture


def test_in_a_tall_picture_fewer_are_routed() -> None:
    """As many of the strongest as pass so many rows together."""
    n_rows, n = 200, 300
    bounds = np.array([[-30.0, -50.0 * row, 30.0, 10 - 50.0 * row] for row in range(n_rows)])
    top = np.full(n, -50.0 * (n_rows - 1) + 10)
    many = EdgeCurves(np.zeros((n, 2)), np.stack([np.zeros(n), top], -1))
    routed = route_around_boxes(many, bounds, np.ones(n))
    assert routed.waypoints is not None
    n_routed = n - int(routed.waypoints.edge.min())
    assert (
        n_routed * (n_rows - 2) <= MAX_PASSED_ROWS < (n_routed + 1) * (n_rows - 2)
    )  # those at the ends are none


def test_what_is_free_stays_as_it_is() -> None:
    bounds = np.array([[-30, 0, 30, 10], [100, -50, 160, -40], [-30, -100, 30, -90.0]])
    one = EdgeCurves(np.array([[0.0, 0.0]]), np.array([[5.0, -90.0]]))
    assert route_around_boxes(one, bounds, np.ones(1)).waypoints is None
    down = EdgeCurves(np.array([[0.0, -90.0]]), np.array([[0.0, 20.0]]))  # a node that was moved below
    assert route_around_boxes(down, bounds, np.ones(1)).waypoints is None
