"""Restricts a selection to what another circuit has."""

from __future__ import annotations

from circuitviz.document import State
from circuitviz.document.labels import is_valid_target


def restrict_selection(
    state: State, nodes: frozenset[str], edges: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Of some nodes and edges, by name, those that a state's circuit and groups have."""
    if state.circuit is None:
        return nodes, edges
    graph, boxes = state.circuit.graph, state.groups_with_classes.keys()
    names = graph.node_index.keys() | boxes

    def has_edge(edge: str) -> bool:
        end_names = edge.partition("<")[0].split("->")
        return is_valid_target(graph, edge) or (bool(boxes & set(end_names)) and set(end_names) <= names)

    return nodes & names, frozenset(edge for edge in edges if has_edge(edge))
