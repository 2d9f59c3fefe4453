"""Commands that change a circuit's state: each is a name and a function from one state to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from circuitviz.document.carry_over import carry_over_annotations
from circuitviz.document.labels import Label, add_labels, is_valid_target
from circuitviz.document.origin import Origin, PromptOrigin
from circuitviz.document.state import State
from circuitviz.document.view_filters import ViewFilters
from circuitviz.graph import Circuit, Intervention, Interventions, Scores
from circuitviz.number_text import rounded_number


@dataclass(frozen=True)
class Command:
    """One step that can be undone.

    Attributes:
        text: Name of the step, as the Edit menu shows it.
        transform: The function from the state before to the state after; may raise InputError.
        merge_key: Consecutive commands with the same key, unless empty, are undone as one step.
    """

    text: str
    transform: Callable[[State], State]
    merge_key: str = ""


def expand_nodes(state: State, names: Iterable[str]) -> frozenset[str]:
    """Replace groups and classes (``Name Movers``, ``group:Name Movers``) by the names of their nodes.

    Targets are left out: they have no outgoing edges that could be ablated or changed.
    """
    expanded: set[str] = set()
    for name in names:
        group_name = name.partition(":")[2] if name.startswith(("group:", "class:")) else name
        group = state.groups_with_classes.get(group_name)
        expanded |= {name} if group is None else group.nodes
    if state.circuit is None:
        return frozenset(expanded) - {"logits"}
    graph = state.circuit.graph
    return frozenset(name for name in expanded if name not in graph.node_index or name in graph.sender_index)


def expand_edges(state: State, names: Iterable[str]) -> frozenset[str]:
    """Replace edges from or to a group or a class by the names of the circuit's edges that they sum."""
    expanded: set[str] = set()
    for name in names:
        if state.circuit is None or is_valid_target(state.circuit.graph, name):
            expanded.add(name)
            continue
        source, _, target = name.partition("->")
        senders, receivers = expand_nodes(state, [source]), expand_nodes(state, [target]) | {target}
        for edge in state.circuit.edge_names:
            sender, _, receiver = edge.partition("->")
            if sender in senders and (receiver in receivers or receiver.partition("<")[0] in receivers):
                expanded.add(edge)
    return frozenset(expanded)


def toggle_ablation(nodes: Iterable[str] = (), edges: Iterable[str] = ()) -> Command:
    """Ablate nodes and edges, or restore them where all of them are ablated already.

    The name of a group or a class stands for its nodes, an edge between groups for all their edges.
    """
    nodes, edges = frozenset(nodes) - {"logits"}, frozenset(edges)

    def transform(state: State) -> State:
        node_names, edge_names = expand_nodes(state, nodes), expand_edges(state, edges)
        all_ablated = node_names <= state.ablated_nodes and edge_names <= state.ablated_edges
        if all_ablated:
            return replace(
                state,
                ablated_nodes=state.ablated_nodes - node_names,
                ablated_edges=state.ablated_edges - edge_names,
            )
        return replace(
            state,
            ablated_nodes=state.ablated_nodes | node_names,
            ablated_edges=state.ablated_edges | edge_names,
        )

    return Command(f"Ablate {_list_names([*sorted(nodes), *sorted(edges)])}", transform)


def set_intervention(nodes: Iterable[str], intervention: Intervention | None) -> Command:
    """Set the intervention of nodes, or remove it where it is None; ablated nodes are restored.

    Consecutive changes to the same nodes, as by a slider, are one step.
    """
    targets = frozenset(nodes) - {"input", "logits"}

    def transform(state: State) -> State:
        members = expand_nodes(state, targets)
        remaining = {name: current for name, current in state.interventions.items() if name not in members}
        changed = (
            remaining
            if intervention is None
            else {**remaining, **dict.fromkeys(sorted(members), intervention)}
        )
        return replace(state, interventions=changed, ablated_nodes=state.ablated_nodes - members)

    names = _list_names(sorted(targets))
    text = f"Restore {names}" if intervention is None else f"{names}: {intervention.description}"
    return Command(
        text, transform, merge_key=f"intervene {' '.join(sorted(targets))}" if intervention else ""
    )


def restore_all() -> Command:
    """Remove all ablations and interventions."""

    def transform(state: State) -> State:
        return replace(state, ablated_nodes=frozenset(), ablated_edges=frozenset(), interventions={})

    return Command("Restore everything", transform)


def set_evaluation_setting(ablation: str, errors: str) -> Command:
    """Evaluate a circuit of features under another ablation or error mode (``kept`` or ``dropped``)."""

    def transform(state: State) -> State:
        origin = state.origin
        return replace(state, origin=origin and origin.with_evaluation_setting(ablation, errors))

    return Command(f"Ablate to {ablation}, errors {errors}", transform)


def restore_ablation(
    nodes: Iterable[str], edges: Iterable[str], interventions: Interventions, setting: Sequence[str] = ()
) -> Command:
    """Return to ablations and interventions of the history.

    Args:
        nodes: Names of all ablated nodes; names that the circuit lacks are ignored, here and below.
        edges: Names of all ablated edges.
        interventions: All interventions by node name.
        setting: Ablation and error mode of the evaluation, for a circuit of features; else empty.
    """

    def transform(state: State) -> State:
        if state.circuit is None:
            return state
        if setting:
            ablation, errors = setting
            state = set_evaluation_setting(ablation, errors).transform(state)
        return _with_modifications(state, nodes, edges, interventions)

    return Command("Go back to an ablation", transform)


def _with_modifications(
    state: State, nodes: Iterable[str], edges: Iterable[str], interventions: Interventions
) -> State:
    """The state with exactly these ablations and interventions; names that the circuit lacks are ignored."""
    assert state.circuit is not None
    graph = state.circuit.graph
    node_index = graph.node_index
    return replace(
        state,
        ablated_nodes=frozenset(name for name in nodes if name in node_index),
        ablated_edges=frozenset(name for name in edges if is_valid_target(graph, name)),
        interventions={
            name: intervention for name, intervention in interventions.items() if name in node_index
        },
    )


def set_label(target: str, label: Label | None) -> Command:
    """Label a node, an edge, ``group:NAME`` or ``class:NAME``; None removes its label.

    A node's role is spelled as the other nodes of its class have it.
    """

    def transform(state: State) -> State:
        labels = {name: current for name, current in state.labels.items() if name != target}
        return replace(state, labels=labels if label is None else add_labels(labels, {target: label}))

    return Command(f"Label {target}" if label else f"Remove the label of {target}", transform)


def move_nodes(positions: Mapping[str, tuple[float, float]]) -> Command:
    """Pin nodes and boxes of groups at positions in the layout's units."""

    def transform(state: State) -> State:
        groups = {n: replace(g, place=positions.get(n, g.place)) for n, g in state.groups.items()}
        nodes = {name: place for name, place in positions.items() if name not in groups}
        return replace(state, positions={**state.positions, **nodes}, groups=groups)

    return Command(f"Move {_list_names(sorted(positions))}", transform)


def select_edges(circuit: Circuit, select: str, requested: float) -> Command:
    """Select another number of edges from the same scores; a drag of the slider is one step.

    Args:
        circuit: The selected circuit.
        select: The rule, one of ``graph.SELECTIONS``.
        requested: The number of edges or the threshold that was requested.
    """

    def transform(state: State) -> State:
        origin = state.origin
        if origin is not None:
            origin = replace(origin, select=select, requested=requested)
        return replace(state, circuit=circuit, origin=origin)

    return Command(f"Keep {circuit.n_edges:,} edges", transform, merge_key="choose-edges")


def replace_circuit(circuit: Circuit, scores: Scores | None, origin: Origin | None, text: str) -> Command:
    """Replace the circuit by a new one, with the annotations of nodes that it has.

    Annotations of nodes of the same model that it lacks are detached until a circuit has them again.
    """

    def transform(state: State) -> State:
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

    return Command(text, transform)


def switch_basis(circuit: Circuit, scores: Scores, origin: Origin | None, text: str) -> Command:
    """Show sites of the same task's circuit in another basis; remaining nodes keep their modifications."""

    def transform(state: State) -> State:
        replaced = replace_circuit(circuit, scores, origin, "").transform(state)
        return _with_modifications(replaced, state.ablated_nodes, state.ablated_edges, state.interventions)

    return Command(text, transform)


def change_threshold(circuit: Circuit, scores: Scores, origin: PromptOrigin, initial: State) -> Command:
    """Replace the circuit by that of the same query at another threshold; consecutive changes are one step.

    Args:
        circuit: The circuit at the new threshold.
        scores: Its scores.
        origin: Its origin.
        initial: The state before the first of the consecutive changes. Annotations and modifications of a
            node that one threshold drops return with the node at a later one.
    """
    replaced = replace_circuit(circuit, scores, origin, "").transform(initial)
    state = _with_modifications(replaced, initial.ablated_nodes, initial.ablated_edges, initial.interventions)
    text = f"Threshold {rounded_number(origin.options['tau'], 3)}"
    return Command(text, lambda _state: state, merge_key="threshold")


def set_filters(filters: ViewFilters) -> Command:
    """Change which part of the circuit is drawn; consecutive changes of filters are one step."""
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
