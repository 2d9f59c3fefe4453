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
from circuitviz.graph.spans import PromptSpans

CHANNELS_TENSOR, EDGE_CHANNELS = "graph_edge_channels", ("", "q", "k")  # of edges through attention scores


def read_graph(manifest: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]]) -> Graph | None:
    """The graph of a manifest; None without one.

    Raises:
        InputError: No model has that shape, or its nodes or edges are invalid.
    """
    data = manifest["graph"]
    if not data:
        return None
    shape_fields = {field.name for field in dataclasses.fields(ModelShape)}
    shape = ModelShape(**{k: v for k, v in data.items() if k in shape_fields})
    check_shape(shape)
    if "spans" in data:
        return Graph.transformer(shape).with_spans(PromptSpans.from_json(data["spans"]))
    if "nodes" not in data:
        return Graph.transformer(shape)
    node_fields = {field.name for field in dataclasses.fields(Node)}
    nodes = tuple(
        _parse_node({k: v for k, v in node_data.items() if k in node_fields}) for node_data in data["nodes"]
    )
    sinks = int(data["sinks"])
    check_node_count(len(nodes), sinks)
    if data.get("opened"):
        return graph_from_nodes(shape, nodes)
    edges = tensors.get("graph_edges")
    senders = len(nodes) - sinks
    is_valid = edges is not None and edges.ndim == 2 and edges.shape[1] == 2 and edges.dtype.kind == "i"
    if edges is None or not is_valid or (edges < 0).any() or (edges >= [senders, len(nodes)]).any():
        raise InputError("its graph's edges do not join its nodes")
    channels = tensors.get(CHANNELS_TENSOR)
    if channels is None:
        channels = np.zeros(len(edges), np.uint8)
    if (
        channels.shape != (len(edges),)
        or channels.dtype.kind not in "iu"
        or not np.isin(channels, (0, 1, 2)).all()
    ):
        raise InputError("its graph's edges are said to go through channels that there are not")
    masks = {channel: np.zeros((senders, len(nodes)), dtype=bool) for channel in EDGE_CHANNELS}
    for number, mask in enumerate(masks.values()):
        own = edges[channels == number]
        mask[own[:, 0], own[:, 1]] = True
    return Graph.of_nodes(shape, nodes, masks.pop(""), sinks, masks)


def _parse_node(data: dict[str, Any]) -> Node:
    """A node with checked fields."""
    return Node(**{**check_node_fields(data), "kind": NodeKind(data["kind"])})
