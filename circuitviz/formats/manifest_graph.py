"""The graph that a file's manifest names: by a model's shape, or by its nodes and edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.graph_limits import check_node_count, check_node_fields, check_shape
from circuitviz.graph import Graph, ModelShape, Node, NodeKind
from circuitviz.graph.feature_sites import graph_from_nodes


def read_graph(manifest: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]]) -> Graph | None:
    """The graph that a manifest names; InputError where no model has that shape."""
    given = manifest["graph"]
    if not given:
        return None
    known = {field.name for field in dataclasses.fields(ModelShape)}
    shape = ModelShape(**{k: v for k, v in given.items() if k in known})
    check_shape(shape)
    if "nodes" not in given:
        return Graph.transformer(shape)
    names = {field.name for field in dataclasses.fields(Node)}
    nodes = tuple(_parse_node({k: v for k, v in told.items() if k in names}) for told in given["nodes"])
    sinks = int(given["sinks"])
    check_node_count(len(nodes), sinks)
    if given.get("opened"):
        return graph_from_nodes(shape, nodes)
    edges = tensors.get("graph_edges")
    senders = len(nodes) - sinks
    fits = edges is not None and edges.ndim == 2 and edges.shape[1] == 2 and edges.dtype.kind == "i"
    if edges is None or not fits or (edges < 0).any() or (edges >= [senders, len(nodes)]).any():
        raise InputError("its graph's edges do not join its nodes")
    mask = np.zeros((senders, len(nodes)), dtype=bool)
    mask[edges[:, 0], edges[:, 1]] = True
    return Graph.of_nodes(shape, nodes, mask, sinks)


def _parse_node(given: dict[str, Any]) -> Node:
    """A node whose fields are of their kinds: names are drawn, numbers are counted with."""
    return Node(**{**check_node_fields(given), "kind": NodeKind(given["kind"])})
