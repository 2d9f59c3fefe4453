"""Classes of heads, input and logits as the nodes of a scene, for the class view [wang2023ioi, fig. 2]."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from circuitviz.document import State
from circuitviz.document.groups import Groups, outermost_groups
from circuitviz.errors import InputError
from circuitviz.graph import FoldedCircuit, Graph, NodeKind, fold_circuit
from circuitviz.graph.names import split_span
from circuitviz.graph.spans import END_SPAN, PromptSpans
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode, TokenColumn
from circuitviz.scene.class_colours import class_colours
from circuitviz.scene.class_marks import mark_repeated_colours
from circuitviz.scene.edge_arrays import CHANNELS, EdgeArrays, ListedEdgeNames

END_TITLES = {"input": "Input", "logits": "Logits"}


def class_scene(state: State, min_share: float) -> CircuitScene:
    """Classes, input and logits as nodes, and the sums of the edges between them as edges.

    A class is an outermost group, or the nodes of no group that share a label. InputError where there is
    none. Nodes have no places, but for their column (x, from 0) where the circuit is by span.

    Args:
        state: what the document shows; what is ablated is left out.
        min_share: edges below this share of the strongest one are left out.
    """
    circuit = state.live_circuit
    assert circuit is not None
    values = state.scores.values if state.scores is not None else circuit.edges.astype(float)
    classes = _classes_by_span(circuit.graph, outermost_groups(state.groups_with_classes))
    folding = fold_circuit(circuit, values, {box: nodes for box, (_, nodes) in classes.items()})
    nodes = _class_nodes(state, folding, {box: name for box, (name, _) in classes.items()})
    nodes, columns = _place_in_columns(nodes, circuit.graph.spans)
    if not any(node.members for node in nodes):
        raise InputError(
            "The class view draws one box for each group or label, and nothing in this circuit is grouped "
            "or has a label yet; label some heads, or choose the head view."
        )
    row = {node.name: number for number, node in enumerate(nodes)}
    ends = [(row[a.sender], row[a.receiver], a.channel, a.score)
            for a in folding.folded_edges() if a.sender in row and a.receiver in row]  # fmt: skip
    strongest = max((abs(score) for *_, score in ends), default=0.0)
    kept = [end for end in sorted(ends) if abs(end[-1]) >= min_share * strongest]
    kept.sort(key=lambda end: abs(end[-1]))  # the strongest last, so that it lies on top
    scores = np.array([end[-1] for end in kept])
    edges = EdgeArrays.build(
        tuple(row),
        ListedEdgeNames([""] * len(kept)),
        np.arange(len(kept)),
        np.array([end[0] for end in kept], np.intp),
        np.array([end[1] for end in kept], np.intp),
        np.array([CHANNELS.index(end[2]) for end in kept], np.intp),
        scores,
        np.abs(scores) / (strongest or 1.0),
    )
    kinds = {circuit.graph.node(name).kind for node in nodes for name in node.members or (node.name,)}
    is_of_features = state.sign_meaning == "helps" and not kinds & {NodeKind.HEAD, NodeKind.MLP}
    sign = "flows" if is_of_features else state.sign_meaning
    return mark_repeated_colours(CircuitScene(tuple(nodes), edges, sign=sign, columns=columns), state)


def _classes_by_span(graph: Graph, classes: Groups) -> dict[str, tuple[str, Collection[str]]]:
    """Names of boxes with the class and the nodes of each: a box for each span at which a class has nodes."""
    if graph.spans is None:
        return {name: (name, group.nodes) for name, group in classes.items()}
    boxes: dict[str, tuple[str, list[str]]] = {}
    for name, group in classes.items():
        for node in sorted(group.nodes & graph.node_index.keys()):
            boxes.setdefault(f"{name}@{graph.node(node).span}", (name, []))[1].append(node)
    return {box: (name, nodes) for box, (name, nodes) in boxes.items()}


def _class_nodes(state: State, folding: FoldedCircuit, classes: Mapping[str, str]) -> list[DrawnNode]:
    """The classes of a circuit, by the names of their boxes, with input and logits, by mean depth."""
    graph, colours = folding.circuit.graph, class_colours(state)
    found = []
    for box in folding.boxes:
        members = folding.nodes_in(box)
        if (name := classes.get(box)) is not None:
            label = state.labels.get(f"group:{name}")
            label_text = label.text if label else ""
            node = DrawnNode(
                *(box, NodeKind.HEAD, 0.0, 0.0),
                label=label_text,
                colour=colours[name],
                members=members,
                class_name=name,
            )
        elif (title := END_TITLES.get(split_span(box)[0])) is not None:
            node = DrawnNode(box, graph.node(box).kind, 0.0, 0.0, text=title)
        else:
            continue
        depth = sum(map(graph.depth, members)) / len(members)
        found.append((depth, node.title, node))
    return [node for _, _, node in sorted(found, key=lambda each: each[:2])]


def _place_in_columns(
    nodes: list[DrawnNode], spans: PromptSpans | None
) -> tuple[list[DrawnNode], tuple[TokenColumn, ...]]:
    """The nodes with their columns' numbers as x, and the columns of the spans at which they stand."""
    if spans is None:
        return nodes, ()
    span_of = [split_span(node.members[0] if node.members else node.name)[1] or END_SPAN for node in nodes]
    shown = [name for name in spans.names if name in span_of]
    placed = [replace(node, x=float(shown.index(span))) for node, span in zip(nodes, span_of, strict=True)]
    return placed, tuple(TokenColumn(name, i, i + 1.0) for i, name in enumerate(shown))
