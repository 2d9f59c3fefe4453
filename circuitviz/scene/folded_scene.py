"""Collapsed groups as boxes joined by summed edges, and selections between drawn and circuit names."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import lru_cache
from typing import Any

import numpy as np

from circuitviz.document import State
from circuitviz.document.groups import outermost_collapsed
from circuitviz.graph import Circuit, FoldedCircuit, Graph, NodeKind, fold_circuit
from circuitviz.layout import Positions, layouts
from circuitviz.layout.box_spacing import make_room_for_boxes
from circuitviz.scene.box_label import group_title, layout_box_label
from circuitviz.scene.circuit_scene import CircuitScene, DrawnNode
from circuitviz.scene.edge_arrays import CHANNELS, EdgeArrays, FloatArray, IndexArray, ListedEdgeNames
from circuitviz.scene.node_positions import Position, layout_columns
from circuitviz.scene.node_texts import node_facts, node_texts

SelectedNames = tuple[frozenset[str], frozenset[str]]
"""Names of nodes and of edges."""


def build_folded_scene(
    state: State, layout: str, max_edges: int | None, colours: Mapping[str, str]
) -> CircuitScene:
    """The scene of a state whose collapsed groups are boxes.

    A folded edge's score is the sum of the edges that it stands for and that are not ablated.

    Args:
        state: what the document shows; it has a circuit.
        layout: a name in ``layout.layouts``.
        max_edges: draw at most so many folded edges, the strongest; all where it is None.
        colours: of labels and groups by name.
    """
    circuit, live = state.circuit, state.live_circuit
    assert circuit is not None and live is not None
    groups = outermost_collapsed(state.groups)
    values = state.scores.values if state.scores is not None else circuit.edges.astype(float)
    plain = _fold_groups(circuit, frozenset(groups.items()))
    folding = plain.with_values(values if live is circuit else np.where(live.edges, values, 0.0))
    bundles = folding.edge_bundles
    between = bundles.sender_box != bundles.receiver_box
    at = bundles.sender, bundles.receiver
    scores, n_live = bundles.sum_values(folding.values[at]), bundles.sum_values(live.edges[at])
    totals = np.bincount(bundles.sender_box[between], scores[between], len(folding.boxes)).tolist()
    positions = _box_positions(state, plain, layout, set(groups))
    texts, facts = node_texts(circuit, state.scores), node_facts(circuit, state.scores)
    nodes = tuple(
        _drawn_box(
            state, folding, box, positions[box], total, texts.get(box, ""), facts.get(box, {}), colours
        )
        for box, total in zip(folding.boxes, totals, strict=True)
    )
    rows = np.flatnonzero(between)
    rows = rows[np.argsort(np.abs(scores[rows]), kind="stable")]
    rows = rows if max_edges is None else rows[max(0, len(rows) - max_edges) :]
    edges = _bundle_edges(plain, rows, scores[rows], n_live[rows] == 0)
    return CircuitScene(nodes, edges, circuit.n_edges, folding=folding)


def _bundle_edges(
    folding: FoldedCircuit, rows: IndexArray, scores: FloatArray, ablated: np.ndarray[Any, Any]
) -> EdgeArrays:
    """The folded edges of some bundles; the key of an edge is its bundle's row."""
    bundles, sizes = folding.edge_bundles, np.abs(scores)
    channels = np.zeros(len(bundles.channel), np.intp)
    for number, channel in enumerate(CHANNELS):
        channels[bundles.channel == channel] = number
    return EdgeArrays.build(
        folding.boxes,
        _bundle_names(folding),
        rows,
        bundles.sender_box[rows],
        bundles.receiver_box[rows],
        channels[rows],
        scores,
        sizes / (sizes.max(initial=0.0) or 1.0),
        ablated,
        bundles.n_edges[rows],
    )


@lru_cache(maxsize=4)  # an ablation changes no box
def _fold_groups(circuit: Circuit, groups: frozenset[tuple[str, frozenset[str]]]) -> FoldedCircuit:
    members = dict(sorted(groups, key=lambda each: each[0]))
    return fold_circuit(circuit, np.zeros(circuit.edges.shape), members)


@lru_cache(maxsize=4)
def _bundle_names(folding: FoldedCircuit) -> ListedEdgeNames:
    """Names of a folded circuit's bundles, in the form of EAP-IG's names."""
    bundles, boxes, receivers = folding.edge_bundles, folding.boxes, _receiver_names(folding.circuit.graph)
    columns = (bundles.sender_box, bundles.receiver_box, bundles.channel)
    names = []
    for sender, receiver, channel in zip(*(column.tolist() for column in columns), strict=True):
        node = boxes[receiver]
        end = receivers.get((node, channel)) or (f"{node}<{channel}>" if channel else node)
        names.append(f"{boxes[sender]}->{end}")
    return ListedEdgeNames(names)


@lru_cache(maxsize=4)
def _receiver_names(graph: Graph) -> dict[tuple[str, str], str]:
    """The receiver by which a channel enters a node."""
    return {
        (graph.nodes[node].name, graph.channel(row)): graph.receivers[row]
        for row, nodes in enumerate(graph.nodes_by_receiver)
        for node in nodes
    }


def expand_selection(scene: CircuitScene, nodes: Set[str], edges: Set[str]) -> SelectedNames:
    """The circuit's nodes and edges that drawn ones stand for."""
    folding = scene.folding
    if folding is None:
        return frozenset(nodes), frozenset(edges)
    members = (folding.nodes_in(n) if n in scene.by_name else (n,) for n in nodes)
    is_member = np.zeros_like(folding.circuit.edges)
    for row in (row for name in edges for row in scene.edge_rows.get(name, ())):
        edge = scene.edges[row]
        is_member |= folding.member_edges(edge.sender, edge.receiver, edge.channel)
    others = frozenset(name for name in edges if name not in scene.edge_rows)
    return frozenset().union(*members), frozenset(folding.circuit.graph.edge_names(is_member)) | others


def drawn_selection(scene: CircuitScene, nodes: Set[str], edges: Set[str]) -> SelectedNames:
    """What is drawn of selected nodes and edges: a box or a folded edge where all of it is selected."""
    if scene.folding is None:
        return frozenset(nodes), frozenset(edges)
    boxes = frozenset(n.name for n in scene.nodes if nodes and nodes >= set(n.members or (n.name,)))
    if not edges:
        return boxes, frozenset()
    bundles, graph = scene.folding.edge_bundles, scene.folding.circuit.graph
    is_selected = np.zeros_like(scene.folding.circuit.edges)
    for name in edges:
        sender, _, receiver = name.partition("->")
        if sender in graph.sender_index and receiver in graph.receiver_index:
            is_selected[graph.sender_index[sender], graph.receiver_index[receiver]] = True
    n_selected = bundles.sum_values(is_selected[bundles.sender, bundles.receiver])
    keys = np.flatnonzero(n_selected == bundles.n_edges)
    drawn = scene.edges
    return boxes, frozenset(drawn[row].name for row in np.flatnonzero(np.isin(drawn.key, keys)).tolist())


def drawn_node_for(scene: CircuitScene, node: str) -> str:
    """What is drawn where a node is: itself, or the box that holds it; empty where neither is shown."""
    if node in scene.by_name:
        return node
    box = scene.folding.box_of.get(node, "") if scene.folding is not None else ""
    return box if box in scene.by_name else ""


def edge_opacities(scene: CircuitScene, circuit: Circuit, opacity: Mapping[str, float]) -> FloatArray:
    """Opacities of drawn edges [edges]: a folded one is as opaque as its most opaque edge.

    Args:
        scene: of the circuit, before any filter.
        circuit: what is drawn.
        opacity: of the circuit's edges by name; 0 where an edge is not named.
    """
    graph = circuit.graph
    values = np.zeros(circuit.edges.shape)
    for name, value in opacity.items():
        sender, _, receiver = name.partition("->")
        if sender in graph.sender_index and receiver in graph.receiver_index:
            values[graph.sender_index[sender], graph.receiver_index[receiver]] = value
    if scene.folding is None:
        return np.asarray(values.reshape(-1)[scene.edges.key])
    bundles = scene.folding.edge_bundles
    highest = np.zeros(len(bundles.n_edges))
    np.maximum.at(highest, bundles.bundle_of_edge, values[bundles.sender, bundles.receiver])
    return np.asarray(highest[scene.edges.key])


def _drawn_box(
    state: State,
    folding: FoldedCircuit,
    box: str,
    position: Position,
    score: float,
    text: str,
    facts: Mapping[str, Any],
    colours: Mapping[str, str],
) -> DrawnNode:
    members = folding.nodes_in(box)
    is_target = members == ("logits",)
    ablated = not is_target and all(n in state.ablated_nodes for n in members if n != "logits")
    group = state.groups.get(box)
    if group is None:
        label = state.labels.get(box)
        node = folding.circuit.graph.node(box)
        label_text = label.text if label else ""
        held = state.class_of(label)
        colour = colours.get(held, "")
        return DrawnNode(
            *(box, node.kind, *position, score, label_text, colour, ablated),
            text=text,
            class_name=held,
            layer=node.layer,
            **facts,
        )
    label = state.labels.get(f"group:{box}")
    label_text = label.text if label else ""
    return DrawnNode(
        box,
        NodeKind.HEAD,
        *position,
        score,
        label_text,
        colours[box],
        ablated,
        members=members,
        class_name=box,
    )


def _box_positions(state: State, folding: FoldedCircuit, layout: str, boxes: set[str]) -> Positions:
    """A box is where its middle node would be if it had all of the box's edges.

    In a layout that stands in columns it stays in its column: views and pages pack what stands in one.
    """
    middle = {box: _representative_node(folding.nodes_in(box)) for box in folding.boxes}
    moved = {middle[n]: state.groups[n].place for n in boxes if n in middle} | {
        n: state.positions.get(n) for n in folding.boxes if n not in boxes
    }
    fixed = {name: position for name, position in moved.items() if position is not None}
    found = _layout_boxes(folding, layout, frozenset(fixed.items()))
    if layout_columns(folding.circuit, layout):
        return {box: found[middle[box]] for box in folding.boxes}
    labels = {box: label.text for box in boxes if (label := state.labels.get(f"group:{box}"))}
    sizes = {
        box: layout_box_label(group_title(box, labels.get(box, "")), folding.nodes_in(box))
        for box in boxes
        if box in middle
    }
    return make_room_for_boxes(
        {box: found[middle[box]] for box in folding.boxes},
        {box: (size.width, size.height) for box, size in sizes.items()},
        {box for box in folding.boxes if middle[box] in fixed},
    )


@lru_cache(maxsize=8)
def _layout_boxes(folding: FoldedCircuit, layout: str, fixed: frozenset[tuple[str, Position]]) -> Positions:
    """Positions of the boxes' middle nodes."""
    graph, bundles = folding.circuit.graph, folding.edge_bundles
    middle = [_representative_node(folding.nodes_in(box)) for box in folding.boxes]
    writes = np.array([graph.sender_index.get(name, -1) for name in middle])
    first = {node: row for row, nodes in reversed(list(enumerate(graph.nodes_by_receiver))) for node in nodes}
    reads = np.array([first.get(graph.node_index[name], -1) for name in middle])
    rows, columns = writes[bundles.sender_box], reads[bundles.receiver_box]
    drawn = (bundles.sender_box != bundles.receiver_box) & (rows >= 0) & (columns >= 0)
    edges = np.zeros_like(folding.circuit.edges)
    edges[rows[drawn], columns[drawn]] = True
    return layouts.get(layout).value(graph, middle, edges, dict(fixed))


def _representative_node(nodes: tuple[str, ...]) -> str:
    """The node that is laid out in a box's stead: of middle depth, if possible neither input nor logits."""
    inner = [name for name in nodes if name not in ("input", "logits")] or list(nodes)
    return inner[len(inner) // 2]
