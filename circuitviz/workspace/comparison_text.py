"""What is said of a selection: its scores, and, while two circuits are shown, which of them has it."""

from __future__ import annotations

from circuitviz.document import State, expand_nodes
from circuitviz.graph import Circuit
from circuitviz.number_text import signed_number
from circuitviz.workspace.workspace import Workspace

ABLATE_ONE = "A ablates or restores it."
ABLATE_MANY = "A ablates or restores them."
MAX_NAMED_NODES = 3  # in a sentence


def overlaid_circuit(workspace: Workspace) -> tuple[str, State] | None:
    """Name and state of the circuit that is drawn with the open one; None where none is."""
    comparison = workspace.comparison
    document = comparison.chosen_document if comparison.is_overlaid else None
    return None if document is None else (comparison.chosen_name, document.state)


def selection_only_in_other(workspace: Workspace) -> frozenset[str]:
    """Names of selected nodes and edges that only the overlaid circuit has."""
    circuit, other = workspace.state.circuit, overlaid_circuit(workspace)
    if circuit is None or other is None or other[1].live_circuit is None:
        return frozenset()
    theirs = other[1].live_circuit
    nodes = {name for name in workspace.selected_nodes if name in theirs.node_names} - {*circuit.node_names}
    edges = {edge for edge in workspace.selected_edges if has_edge(theirs, edge)}
    return frozenset(nodes | {edge for edge in edges if not has_edge(circuit, edge)})


def has_edge(circuit: Circuit, edge: str) -> bool:
    """Whether a circuit has an edge, by its name."""
    sender, _, receiver = edge.partition("->")
    row, column = circuit.graph.sender_index.get(sender), circuit.graph.receiver_index.get(receiver)
    return row is not None and column is not None and bool(circuit.edges[row, column])


def group_of_selection(workspace: Workspace) -> str:
    """The group whose nodes are exactly those that are selected; empty where there is none."""
    circuit = workspace.state.circuit
    names = set() if circuit is None else set(circuit.node_names)
    groups = workspace.state.groups.items()
    return next((name for name, group in groups if group.nodes & names == workspace.selected_nodes), "")


def describe_selected_nodes(workspace: Workspace) -> str:
    """What the inspector says below the number of several selected nodes."""
    return _describe_several(workspace, workspace.selected_nodes)


def describe_selected_edges(workspace: Workspace) -> str:
    """What the inspector says below the names of selected edges: their scores, and what *A* does."""
    if len(workspace.selected_edges) != 1:
        return _describe_several(workspace, workspace.selected_edges)
    (edge,) = workspace.selected_edges
    other, score = overlaid_circuit(workspace), format_edge_score(workspace.state, edge)
    if other is None:
        if workspace.state.scores is None:
            return ABLATE_ONE
        return f"{score}. {ABLATE_ONE}" if score else "Sum of all edges between the two groups."
    name, other_state = other
    score, other_score = score or "no score", format_edge_score(other_state, edge) or "no score"
    if edge in selection_only_in_other(workspace):
        return f"Only in {name}: {other_score} there. It cannot be ablated here."
    if other_state.live_circuit is not None and has_edge(other_state.live_circuit, edge):
        return f"In both: {score} here, {other_score} in {name}. {ABLATE_ONE}"
    return f"Only here: {score}. {ABLATE_ONE}"


def _describe_several(workspace: Workspace, selected: frozenset[str]) -> str:
    foreign, other = selected & selection_only_in_other(workspace), overlaid_circuit(workspace)
    if not foreign or other is None:
        return ABLATE_MANY
    if foreign == selected:
        return f"They are only in {other[0]} and cannot be ablated here."
    return f"{len(foreign)} of them are only in {other[0]}. A ablates or restores the others."


def describe_isolated_nodes(workspace: Workspace, nodes: frozenset[str]) -> str:
    """Which of some ablated nodes no edge of their graph touches; empty where none is one."""
    circuit = workspace.state.circuit
    if circuit is None:
        return ""
    graph = circuit.graph
    nodes_in_circuit = expand_nodes(workspace.state, nodes) & graph.node_index.keys()
    isolated = sorted(name for name in nodes_in_circuit if graph.isolated[graph.node_index[name]])
    if not isolated:
        return ""
    more = len(isolated) - MAX_NAMED_NODES
    names = ", ".join(isolated[:MAX_NAMED_NODES]) + (f" and {more} more" if more > 0 else "")
    return f"{names} has no edges in this graph: ablating or restoring it has no effect."


def format_edge_score(state: State, edge: str) -> str:
    """``score +0.1234``; empty where a state has no score of such an edge."""
    scores = state.scores
    sender, _, receiver = edge.partition("->")
    if scores is None:
        return ""
    row, column = scores.graph.sender_index.get(sender), scores.graph.receiver_index.get(receiver)
    if row is None or column is None:
        return ""
    score = scores.score_of((row, column))
    return "" if score is None else f"score {signed_number(score, 4)}"


def restrict_to_circuit(
    state: State, nodes: frozenset[str], edges: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The selected nodes and edges that the circuit itself has; groups and arrows by what they stand for."""
    circuit = state.circuit
    if circuit is None:
        return frozenset(), frozenset()
    graph, names = circuit.graph, set(circuit.node_names)

    def is_foreign(edge: str) -> bool:
        sender, _, receiver = edge.partition("->")
        is_of_graph = sender in graph.sender_index and receiver in graph.receiver_index
        return is_of_graph and not has_edge(circuit, edge)

    kept = {name for name in nodes if name == "logits" or expand_nodes(state, [name]) & names}
    return frozenset(kept), frozenset(edge for edge in edges if not is_foreign(edge))
