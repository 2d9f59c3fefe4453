"""The document's filters on a scene, without Qt, so that exports hide what the window hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from circuitviz.document import ViewFilters
from circuitviz.graph import Graph
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import CHANNELS, BoolArray, EdgeArrays


def apply_filters(scene: CircuitScene, filters: ViewFilters, graph: Graph) -> CircuitScene:
    """What the filters leave of a scene; positions do not change, and strengths neither."""
    if filters.shows_everything:
        return scene
    is_shown = np.array([_is_node_shown(node, filters, graph) for node in scene.nodes], bool)
    edges = scene.edges.take(is_shown[scene.edges.sender] & is_shown[scene.edges.receiver])
    edges = edges.take(_passes(edges, filters))
    if filters.most is not None:
        edges = edges.take(_is_among_strongest(edges, filters.most))
    if filters.joined:
        is_joined = np.zeros(len(scene.nodes), bool)
        is_joined[edges.sender] = is_joined[edges.receiver] = True
        is_shown &= is_joined
    nodes = tuple(node for node, shown in zip(scene.nodes, is_shown, strict=True) if shown)
    return replace(scene, nodes=nodes, edges=edges.between(is_shown))


def _is_node_shown(node: DrawnNode, filters: ViewFilters, graph: Graph) -> bool:
    """Whether a node passes; a box does where one of its nodes would, but its own score counts."""
    if abs(node.score) < filters.score and node.name != "logits":
        return False
    low = -1 if filters.low is None else filters.low
    high = graph.shape.n_layers if filters.high is None else filters.high
    return any(
        str(member.kind) not in filters.hidden_kinds
        and member.span not in filters.hidden_spans
        and (member.layer is None or low <= member.layer <= high)
        for member in map(graph.node, node.members or (node.name,))
    )


def _passes(edges: EdgeArrays, filters: ViewFilters) -> BoolArray:
    """[edges] Whether an edge passes by score, sign and channel."""
    passes = np.abs(edges.score) >= filters.least
    if "positive" in filters.hidden_signs:
        passes &= edges.score < 0
    if "negative" in filters.hidden_signs:
        passes &= edges.score >= 0
    hidden = [number for number, channel in enumerate(CHANNELS) if channel in filters.hidden_channels]
    return np.asarray(passes & ~np.isin(edges.channel, hidden))


def _is_among_strongest(edges: EdgeArrays, n_edges: int) -> BoolArray:
    """[edges] Whether a row is of one of the strongest edges; the rows of a shared receiver count as one."""
    edge = edges.names.first_keys(edges.key)
    found, last = np.unique(edge[::-1], return_index=True)  # the strongest come last
    return np.isin(edge, found[np.argsort(last, kind="stable")[:n_edges]])
