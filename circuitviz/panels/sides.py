"""What is said of a selection while two circuits are shown: which of them has it, and what each scores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.graph import Circuit
from circuitviz.session import State, members_of

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk

TAKEN = {1: "A takes it out of the circuit and back in.", 2: "A takes them out of the circuit and back in."}


def other_of(desk: Desk) -> tuple[str, State] | None:
    """Name and state of the circuit that is drawn beside the open one; None where none is."""
    beside = desk.beside
    chosen = beside.chosen if beside.overlaid else None
    return None if chosen is None else (beside.name, chosen.state)


def only_there(desk: Desk) -> frozenset[str]:
    """What is selected and only the other circuit has, nodes and edges by name."""
    circuit, other = desk.state.circuit, other_of(desk)
    if circuit is None or other is None or other[1].live is None:
        return frozenset()
    live = other[1].live
    nodes = {n for n in desk.nodes if n in live.node_names and n not in circuit.node_names}
    return frozenset(nodes | {e for e in desk.edges if has(live, e) and not has(circuit, e)})


def has(circuit: Circuit, edge: str) -> bool:
    """Whether an edge is one of a circuit's."""
    sender, _, receiver = edge.partition("->")
    at = circuit.graph.sender_index.get(sender), circuit.graph.receiver_index.get(receiver)
    return at[0] is not None and at[1] is not None and bool(circuit.edges[at])


def whole_group(desk: Desk) -> str:
    """The group that the selected nodes are, no more and no fewer; empty where they are none."""
    circuit = desk.state.circuit
    there = set() if circuit is None else set(circuit.node_names)
    groups = desk.state.groups.items()
    return next((name for name, group in groups if group.nodes & there == desk.nodes), "")


def told_nodes(desk: Desk) -> str:
    """What is said below the number of several selected nodes."""
    return _told_several(desk, desk.nodes)


def told_edges(desk: Desk) -> str:
    """What is said below the names of selected edges: their scores, and what A would do."""
    if len(desk.edges) != 1:
        return _told_several(desk, desk.edges)
    there, other = desk.edges & only_there(desk), other_of(desk)
    (edge,) = desk.edges
    ours = score_of(desk.state, edge)
    if other is None:
        if desk.state.scores is None:
            return TAKEN[1]
        return f"{ours}. {TAKEN[1]}" if ours else "All edges between the two, added up."
    theirs = score_of(other[1], edge) or "no score"
    if there:
        return f"Only in {other[0]}: {theirs} there. There is nothing to take out here."
    both = other[1].live is not None and has(other[1].live, edge)
    here = ours or "no score"
    return f"{f'In both: {here} here, {theirs} in {other[0]}' if both else f'Only here: {here}'}. {TAKEN[1]}"


def _told_several(desk: Desk, selected: frozenset[str]) -> str:
    there, other = selected & only_there(desk), other_of(desk)
    if not there or other is None:
        return TAKEN[2]
    if there == selected:
        return f"Only {other[0]} has them: there is nothing to take out here."
    return f"{len(there)} of them only {other[0]} has. A takes the rest out of the circuit and back in."


def told_unjoined(desk: Desk, nodes: frozenset[str]) -> str:
    """What is said of taking out nodes that no edge of their graph touches; empty where none is one."""
    circuit = desk.state.circuit
    if circuit is None:
        return ""
    graph = circuit.graph
    known = members_of(desk.state, nodes) & graph.node_index.keys()
    alone = sorted(name for name in known if graph.unjoined[graph.node_index[name]])
    if not alone:
        return ""
    named = ", ".join(alone[:3]) + (f" and {len(alone) - 3} more" if len(alone) > 3 else "")
    return f"No edge of this graph touches {named}: taking it out or putting it back changes no edge."


def score_of(state: State, edge: str) -> str:
    """``score +0.1234``; empty where a state has no score of such an edge."""
    scores = state.scores
    sender, _, receiver = edge.partition("->")
    if scores is None or sender not in scores.graph.sender_index:
        return ""
    column = scores.graph.receiver_index.get(receiver)
    if column is None:
        return ""
    return f"score {scores.values[scores.graph.sender_index[sender], column]:+.4f}"


def own(state: State, nodes: frozenset[str], edges: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
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
        and not has(circuit, edge)
    }
    return frozenset(n for n in nodes if members_of(state, [n]) & there or n == "logits"), edges - foreign
