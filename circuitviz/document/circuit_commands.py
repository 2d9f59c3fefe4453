"""Everything a person can do to a circuit: a name and a function from one state to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from circuitviz.document.detached_annotations import carry_over_annotations
from circuitviz.document.labels import Label, is_valid_target
from circuitviz.document.origin import Origin, PromptOrigin
from circuitviz.document.state import State
from circuitviz.document.view_filters import ViewFilters
from circuitviz.graph import Circuit, Intervention, Interventions, Scores


@dataclass(frozen=True)
class Command:
    """One step that can be undone. Neighbours with the same ``merge_key`` key become one step."""

    text: str
    transform: Callable[[State], State]
    merge_key: str = ""


def expand_nodes(state: State, names: Iterable[str]) -> frozenset[str]:
    """Nodes by name; groups and classes (``Name Movers``, ``group:Name Movers``) are their nodes.

    Targets are left out: nothing leads on from them that could be taken out or changed.
    """
    found: set[str] = set()
    for name in names:
        bare = name.partition(":")[2] if name.startswith(("group:", "class:")) else name
        group = state.groups_with_classes.get(bare)
        found |= {name} if group is None else group.nodes
    if state.circuit is None:
        return frozenset(found) - {"logits"}
    graph = state.circuit.graph
    return frozenset(name for name in found if name not in graph.node_index or name in graph.sender_index)


def expand_edges(state: State, names: Iterable[str]) -> frozenset[str]:
    """Edges by name; an arrow from or to a group or a class is the circuit's edges that it adds up."""
    found: set[str] = set()
    for name in names:
        if state.circuit is None or is_valid_target(state.circuit.graph, name):
            found.add(name)
            continue
        source, _, target = name.partition("->")
        senders, into = expand_nodes(state, [source]), expand_nodes(state, [target]) | {target}
        for edge in state.circuit.edge_names:
            sender, _, receiver = edge.partition("->")
            if sender in senders and (receiver in into or receiver.partition("<")[0] in into):
                found.add(edge)
    return frozenset(found)


def toggle_ablation(nodes: Iterable[str] = (), edges: Iterable[str] = ()) -> Command:
    """Take nodes and edges out of the circuit; those that are all out already come back in.

    The name of a group or a class stands for its nodes, an arrow between groups for its edges.
    """
    nodes, edges = frozenset(nodes) - {"logits"}, frozenset(edges)

    def change(state: State) -> State:
        members, ties = expand_nodes(state, nodes), expand_edges(state, edges)
        back = members <= state.ablated_nodes and ties <= state.ablated_edges
        if back:
            return replace(
                state,
                ablated_nodes=state.ablated_nodes - members,
                ablated_edges=state.ablated_edges - ties,
            )
        return replace(
            state,
            ablated_nodes=state.ablated_nodes | members,
            ablated_edges=state.ablated_edges | ties,
        )

    return Command(f"Ablate {_list_names([*sorted(nodes), *sorted(edges)])}", change)


def set_intervention(nodes: Iterable[str], intervention: Intervention | None) -> Command:
    """Make nodes write something else; None gives them their own output back. Those out come back in.

    Moving a factor is one step: neighbours that speak of the same nodes become one.
    """
    chosen = frozenset(nodes) - {"input", "logits"}

    def change(state: State) -> State:
        members = expand_nodes(state, chosen)
        others = {name: kept for name, kept in state.interventions.items() if name not in members}
        changed = (
            others if intervention is None else {**others, **dict.fromkeys(sorted(members), intervention)}
        )
        return replace(state, interventions=changed, ablated_nodes=state.ablated_nodes - members)

    named = _list_names(sorted(chosen))
    text = f"Restore {named}" if intervention is None else f"{named}: {intervention.description}"
    return Command(text, change, merge_key=f"intervene {' '.join(sorted(chosen))}" if intervention else "")


def restore_all() -> Command:
    """Put everything back that was ablated or changed."""

    def change(state: State) -> State:
        return replace(state, ablated_nodes=frozenset(), ablated_edges=frozenset(), interventions={})

    return Command("Restore everything", change)


def set_evaluation_setting(ablation: str, errors: str) -> Command:
    """Judge a circuit of features with other values outside it, or with errors dropped."""

    def change(state: State) -> State:
        origin = state.origin
        return replace(state, origin=origin and origin.with_evaluation_setting(ablation, errors))

    return Command(f"Ablate to {ablation}, errors {errors}", change)


def restore_ablation(
    nodes: Iterable[str], edges: Iterable[str], interventions: Interventions, setting: Sequence[str] = ()
) -> Command:
    """Ablate exactly this, as it was tried before; what the circuit has no more is passed over.

    setting: the ablation and way with errors that it was judged by, of a circuit of features.
    """

    def change(state: State) -> State:
        if state.circuit is None:
            return state
        if setting:
            ablation, errors = setting
            state = set_evaluation_setting(ablation, errors).transform(state)
        return _with_modifications(state, nodes, edges, interventions)

    return Command("Go back to an ablation", change)


def _with_modifications(
    state: State, nodes: Iterable[str], edges: Iterable[str], interventions: Interventions
) -> State:
    """With exactly this done to its circuit; what the circuit does not have is passed over."""
    assert state.circuit is not None
    graph = state.circuit.graph
    there = graph.node_index
    return replace(
        state,
        ablated_nodes=frozenset(name for name in nodes if name in there),
        ablated_edges=frozenset(name for name in edges if is_valid_target(graph, name)),
        interventions={name: what for name, what in interventions.items() if name in there},
    )


def set_label(target: str, label: Label | None) -> Command:
    """Label a node, an edge, ``group:NAME`` or ``class:NAME``, or take its label away."""

    def change(state: State) -> State:
        others = {name: kept for name, kept in state.labels.items() if name != target}
        return replace(state, labels=others if label is None else {**others, target: label})

    return Command(f"Label {target}" if label else f"Remove the label of {target}", change)


def move_nodes(positions: Mapping[str, tuple[float, float]]) -> Command:
    """Pin nodes and boxes of groups at places in the layout's units."""

    def change(state: State) -> State:
        groups = {n: replace(g, place=positions.get(n, g.place)) for n, g in state.groups.items()}
        nodes = {name: place for name, place in positions.items() if name not in groups}
        return replace(state, positions={**state.positions, **nodes}, groups=groups)

    return Command(f"Move {_list_names(sorted(positions))}", change)


def select_edges(circuit: Circuit, select: str, requested: float) -> Command:
    """Choose another number of edges from the same scores; a drag of the slider is one step."""

    def change(state: State) -> State:
        origin = state.origin
        if origin is not None:
            origin = replace(origin, select=select, requested=requested)
        return replace(state, circuit=circuit, origin=origin)

    return Command(f"Keep {circuit.n_edges:,} edges", change, merge_key="choose-edges")


def replace_circuit(circuit: Circuit, scores: Scores | None, origin: Origin | None, text: str) -> Command:
    """Put a newly found circuit in place of the old one; what was said of nodes that it has stays.

    What was said of nodes of the same model that it lacks stands aside, until a circuit has them again.
    """

    def change(state: State) -> State:
        return replace(
            state,
            circuit=circuit,
            scores=scores,
            origin=origin,
            ablated_nodes=frozenset(),
            ablated_edges=frozenset(),
            interventions={},
            **carry_over_annotations(state, circuit.graph, origin),
        )

    return Command(text, change)


def switch_basis(circuit: Circuit, scores: Scores, origin: Origin | None, text: str) -> Command:
    """The same task's circuit with sites in another basis; what was done to nodes that stay stays done."""

    def change(state: State) -> State:
        renewed = replace_circuit(circuit, scores, origin, "").transform(state)
        return _with_modifications(renewed, state.ablated_nodes, state.ablated_edges, state.interventions)

    return Command(text, change)


def change_threshold(circuit: Circuit, scores: Scores, origin: PromptOrigin, initial: State) -> Command:
    """The same query's circuit at another threshold; moves in a row are one step.

    initial: the state before the first of them. What was said and done of a node that a threshold drops is
    there again when a later move of the same row brings the node back.
    """
    renewed = replace_circuit(circuit, scores, origin, "").transform(initial)
    kept = _with_modifications(renewed, initial.ablated_nodes, initial.ablated_edges, initial.interventions)
    text = f"Threshold {origin.options['tau']:.3g}"
    return Command(text, lambda _state: kept, merge_key="threshold")


def set_filters(filters: ViewFilters) -> Command:
    """Draw only some of the circuit; changes of filters in a row are one step."""
    text = "Show everything" if filters.shows_everything else "Filter"
    return Command(
        text,
        lambda state: replace(state, filters=filters),
        merge_key="" if filters.shows_everything else "filter",
    )


def _list_names(names: list[str]) -> str:
    if len(names) <= 3:
        return ", ".join(names)
    return f"{len(names)} parts"
