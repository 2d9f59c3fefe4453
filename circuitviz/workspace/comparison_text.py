"""What is said of a selection while two circuits are shown: which of them has it, and what each scores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.document import State, expand_nodes
from circuitviz.graph import Circuit

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace

ABLATION_HINTS = {
    1: "A takes it out of the circuit and back in.",
    2: "A takes them out of the circuit and back in.",
}


def overlaid_circuit(workspace: Workspace) -> tuple[str, State] | None:
    """Name and state of the circuit that is drawn beside the open one; None where none is."""
    beside = workspace.comparison
    chosen = beside.chosen_document if beside.is_overlaid else None
    return None if chosen is None else (beside.chosen_name, chosen.state)


def selection_only_in_other(workspace: Workspace) -> frozenset[str]:
    """What is selected and only the other circuit has, nodes and edges by name."""
    circuit, other = workspace.state.circuit, overlaid_circuit(workspace)
    if circuit is None or other is None or other[1].live_circuit is None:
        return frozenset()
    live = other[1].live_circuit
    nodes = {n for n in workspace.selected_nodes if n in live.node_names and n not in circuit.node_names}
    return frozenset(
        nodes | {e for e in workspace.selected_edges if has_edge(live, e) and not has_edge(circuit, e)}
    )


def has_edge(circuit: Circuit, edge: str) -> bool:
    """Whether an edge is one of a circuit's."""
    sender, _, receiver = edge.partition("->")
    at = circuit.graph.sender_index.get(sender), circuit.graph.receiver_index.get(receiver)
    return at[0] is not None and at[1] is not None and bool(circuit.edges[at])


def group_of_selection(workspace: Workspace) -> str:
    """The group that the selected nodes are, no more and no fewer; empty where they are none."""
    circuit = workspace.state.circuit
    there = set() if circuit is None else set(circuit.node_names)
    groups = workspace.state.groups.items()
    return next((name for name, group in groups if group.nodes & there == workspace.selected_nodes), "")


def describe_selected_nodes(workspace: Workspace) -> str:
    """What is said below the number of several selected nodes."""
    return _describe_several(workspace, workspace.selected_nodes)


def describe_selected_edges(workspace: Workspace) -> str:
    """What is said below the names of selected edges: their scores, and what A would do."""
    if len(workspace.selected_edges) != 1:
        return _describe_several(workspace, workspace.selected_edges)
    there, other = workspace.selected_edges & selection_only_in_other(workspace), overlaid_circuit(workspace)
    (edge,) = workspace.selected_edges
    ours = format_edge_score(workspace.state, edge)
    if other is None:
        if workspace.state.scores is None:
            return ABLATION_HINTS[1]
        return f"{ours}. {ABLATION_HINTS[1]}" if ours else "All edges between the two, added up."
    theirs = format_edge_score(other[1], edge) or "no score"
    if there:
        return f"Only in {other[0]}: {theirs} there. There is nothing to take out here."
    both = other[1].live_circuit is not None and has_edge(other[1].live_circuit, edge)
    here = ours or "no score"
    return f"{f'In both: {here} here, {theirs} in {other[0]}' if both else f'Only here: {here}'}. {ABLATION_HINTS[1]}"


def _describe_several(workspace: Workspace, selected: frozenset[str]) -> str:
    there, other = selected & selection_only_in_other(workspace), overlaid_circuit(workspace)
    if not there or other is None:
        return ABLATION_HINTS[2]
    if there == selected:
        return f"Only {other[0]} has them: there is nothing to take out here."
    return f"{len(there)} of them only {other[0]} has. A takes the rest out of the circuit and back in."


def describe_isolated_nodes(workspace: Workspace, nodes: frozenset[str]) -> str:
    """What is said of taking out nodes that no edge of their graph touches; empty where none is one."""
    circuit = workspace.state.circuit
    if circuit is None:
        return ""
    graph = circuit.graph
    known = expand_nodes(workspace.state, nodes) & graph.node_index.keys()
    alone = sorted(name for name in known if graph.isolated[graph.node_index[name]])
    if not alone:
        return ""
    named = ", ".join(alone[:3]) + (f" and {len(alone) - 3} more" if len(alone) > 3 else "")
    return f"No edge of this graph touches {named}: taking it out or putting it back changes no edge."


def format_edge_score(state: State, edge: str) -> str:
    """``score +0.1234``; empty where a state has no score of such an edge."""
    scores = state.scores
    sender, _, receiver = edge.partition("->")
    if scores is None or sender not in scores.graph.sender_index:
        return ""
    column = scores.graph.receiver_index.get(receiver)
    if column is None:
        return ""
    return f"score {scores.values[scores.graph.sender_index[sender], column]:+.4f}"


def restrict_to_circuit(
    state: State, nodes: frozenset[str], edges: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """What of a selection the circuit itself has: groups and arrows with what they stand for."""
    circuit = state.circuit
    if circuit is None:
        return frozenset(), frozenset()
    there = set(circuit.node_names)
    graph = circuit.graph
    foreign = {
        edge
        for edge in edges
        if edge.partition("->")[0] in graph.sender_index
        and edge.partition("->")[2] in graph.receiver_index
        and not has_edge(circuit, edge)
    }
    return frozenset(n for n in nodes if expand_nodes(state, [n]) & there or n == "logits"), edges - foreign
