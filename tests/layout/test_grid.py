"""Heads by number; what has no number stands side by side."""

from __future__ import annotations

import numpy as np

from circuitviz.graph import ModelShape
from circuitviz.graph.feature_sites import graph_with_features
from circuitviz.layout import layouts


def test_features_of_an_opened_site_stand_side_by_side() -> None:
    graph = graph_with_features(ModelShape(2, 3, 12), {"a1": [4, 9, 11], "m0": [2]}, {})
    names = [node.name for node in graph.nodes]
    places = layouts.get("grid").value(graph, names, graph.mask, {"a1.f9": (7.0, 8.0)})
    assert len(set(places.values())) == len(names) and places["a1.f9"] == (7.0, 8.0)
    row = ["a1.f4", "a1.f11", "a1.error"]
    assert len({places[name][1] for name in row}) == 1
    assert np.diff([places[name][0] for name in row]).min() > 0
