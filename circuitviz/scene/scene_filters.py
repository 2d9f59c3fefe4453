"""A picture through the document's filters; Qt-free, so that exports hide what the window hides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from circuitviz.document import ViewFilters
from circuitviz.graph import Graph
from circuitviz.scene.circuit_scene import CircuitScene, DrawnEdge, DrawnNode


def apply_filters(picture: CircuitScene, sight: ViewFilters, graph: Graph) -> CircuitScene:
    """What the filters leave of a picture; places stay, so that what is left stands where it stood."""
    if sight.shows_everything:
        return picture
    nodes = {node.name: node for node in picture.nodes if _is_node_shown(node, sight, graph)}
    edges = [edge for edge in picture.edges if _is_edge_shown(edge, sight, nodes)]
    if sight.most is not None:
        names = list(dict.fromkeys(edge.name for edge in reversed(edges)))[: sight.most]
        kept = set(names)  # the weakest edge comes first; one into a shared input is drawn several times
        edges = [edge for edge in edges if edge.name in kept]
    if sight.joined:
        touched = {edge.sender for edge in edges} | {edge.receiver for edge in edges}
        nodes = {name: node for name, node in nodes.items() if name in touched}
    return replace(picture, nodes=tuple(nodes.values()), edges=tuple(edges), by_name=nodes)


def _is_node_shown(node: DrawnNode, sight: ViewFilters, graph: Graph) -> bool:
    """A box is in sight where one of its nodes would be; its own score counts."""
    if abs(node.score) < sight.score and node.name != "logits":
        return False
    members = [graph.node(name) for name in node.members or (node.name,)]
    low = -1 if sight.low is None else sight.low
    high = graph.shape.n_layers if sight.high is None else sight.high
    return any(
        str(each.kind) not in sight.hidden_kinds and (each.layer is None or low <= each.layer <= high)
        for each in members
    )


def _is_edge_shown(edge: DrawnEdge, sight: ViewFilters, nodes: Mapping[str, DrawnNode]) -> bool:
    return (
        edge.sender in nodes
        and edge.receiver in nodes
        and abs(edge.score) >= sight.least
        and ("positive" if edge.score >= 0 else "negative") not in sight.hidden_signs
        and edge.channel not in sight.hidden_channels
    )
