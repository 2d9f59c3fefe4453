"""Collapsed groups as boxes with arrows that add up; what is selected is told in the circuit's own names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from typing import Any

import numpy as np

from circuitviz.document import State
from circuitviz.document.groups import outermost_collapsed
from circuitviz.graph import BoolMatrix, Circuit, FoldedCircuit, Graph, NodeKind, fold_circuit
from circuitviz.graph.graph import IndexArray
from circuitviz.layout import Positions, layouts
from circuitviz.layout.box_spacing import make_room_for_boxes
from circuitviz.scene.box_label import group_title, layout_box_label
from circuitviz.scene.circuit_scene import MAX_DRAWN_EDGES, CircuitScene, DrawnEdge, DrawnNode
from circuitviz.scene.edge_arrays import Floats
from circuitviz.scene.node_positions import Position
from circuitviz.scene.node_texts import node_facts, node_texts

SelectedNames = tuple[frozenset[str], frozenset[str]]
"""Names of nodes and of edges."""


def build_folded_scene(state: State, layout: str, max_edges: int = MAX_DRAWN_EDGES) -> CircuitScene:
    """Draw a state whose collapsed groups are boxes; an arrow's score is what of it is not ablated."""
    circuit, live = state.circuit, state.live_circuit
    assert circuit is not None and live is not None
    groups = outermost_collapsed(state.groups)
    values = state.scores.values if state.scores is not None else circuit.edges.astype(float)
    plain = _fold_groups(circuit, frozenset(groups.items()))
    folding = plain.with_values(values if live is circuit else np.where(live.edges, values, 0.0))
    bundles = folding.edge_bundles
    between = bundles.sender_box != bundles.receiver_box
    at = bundles.sender, bundles.receiver
    scores, left = bundles.sum_values(folding.values[at]), bundles.sum_values(live.edges[at])
    totals = np.bincount(bundles.sender_box[between], scores[between], len(folding.boxes)).tolist()
    places = _box_positions(state, plain, layout, set(groups))
    written, facts = node_texts(circuit, state.scores), node_facts(circuit, state.scores)
    nodes = tuple(
        _drawn_box(state, folding, box, places[box], total, written.get(box, ""), facts.get(box, {}))
        for box, total in zip(folding.boxes, totals, strict=True)
    )
    rows = np.flatnonzero(between)
    rows = rows[np.argsort(np.abs(scores[rows]), kind="stable")[-max_edges:]]
    edges = tuple(_bundle_edges(folding, rows, scores[rows], left[rows] == 0))
    return CircuitScene(nodes, edges, circuit.n_edges, {n.name: n for n in nodes}, folding=folding)


def _bundle_edges(
    folding: FoldedCircuit, rows: IndexArray, scores: Floats, gone: BoolMatrix
) -> Iterator[DrawnEdge]:
    """The arrows of some bundles, in order of strength."""
    bundles, boxes, into = folding.edge_bundles, folding.boxes, _receiver_names(folding.circuit.graph)
    shares = np.abs(scores) / (np.abs(scores).max(initial=0.0) or 1.0)
    names = bundles.sender_box[rows], bundles.receiver_box[rows], bundles.channel[rows]
    columns = (each.tolist() for each in (*names, scores, shares, gone, bundles.n_edges[rows]))
    for s, r, channel, score, share, out, count in zip(*columns, strict=True):
        sender, node = boxes[s], boxes[r]
        end = into.get((node, channel)) or (f"{node}<{channel}>" if channel else node)
        yield DrawnEdge(f"{sender}->{end}", sender, node, channel, score, share, out, n_edges=count)


@lru_cache(maxsize=4)  # an ablation changes no box
def _fold_groups(circuit: Circuit, groups: frozenset[tuple[str, frozenset[str]]]) -> FoldedCircuit:
    return fold_circuit(
        circuit, np.zeros(circuit.edges.shape), dict(sorted(groups, key=lambda each: each[0]))
    )


@lru_cache(maxsize=4)
def _receiver_names(graph: Graph) -> dict[tuple[str, str], str]:
    """The receiver by which a channel enters a node."""
    return {
        (graph.nodes[node].name, graph.channel(row)): graph.receivers[row]
        for row, nodes in enumerate(graph.nodes_by_receiver)
        for node in nodes
    }


def expand_selection(picture: CircuitScene, nodes: Set[str], edges: Set[str]) -> SelectedNames:
    """The circuit's nodes and edges that drawn ones stand for."""
    folding = picture.folding
    if folding is None:
        return frozenset(nodes), frozenset(edges)
    graph = folding.circuit.graph
    inside = (folding.nodes_in(n) if n in picture.by_name else (n,) for n in nodes)
    held = np.zeros_like(folding.circuit.edges)
    for row in (row for name in edges for row in picture.edge_rows.get(name, ())):
        edge = picture.edges[row]
        held |= folding.member_edges(edge.sender, edge.receiver, edge.channel)
    others = edges - picture.edge_rows.keys()
    return frozenset().union(*inside), frozenset(graph.edge_names(held)) | others


def drawn_selection(picture: CircuitScene, nodes: Set[str], edges: Set[str]) -> SelectedNames:
    """What is drawn of chosen nodes and edges: a box or an arrow where all that it holds is chosen."""
    if picture.folding is None:
        return frozenset(nodes), frozenset(edges)
    boxes = frozenset(n.name for n in picture.nodes if nodes and nodes >= set(n.members or (n.name,)))
    if not edges:
        return boxes, frozenset()
    folding, bundles = picture.folding, picture.folding.edge_bundles
    graph, there = folding.circuit.graph, np.zeros_like(folding.circuit.edges)
    for name in edges:
        sender, _, receiver = name.partition("->")
        if sender in graph.sender_index and receiver in graph.receiver_index:
            there[graph.sender_index[sender], graph.receiver_index[receiver]] = True
    whole = np.flatnonzero(bundles.sum_values(there[bundles.sender, bundles.receiver]) == bundles.n_edges)
    ends = (each[whole].tolist() for each in (bundles.sender_box, bundles.receiver_box, bundles.channel))
    keys = {(folding.boxes[s], folding.boxes[r], channel) for s, r, channel in zip(*ends, strict=True)}
    return boxes, frozenset(e.name for e in picture.edges if (e.sender, e.receiver, e.channel) in keys)


def drawn_node_for(picture: CircuitScene, node: str) -> str:
    """What is drawn where a node is: itself, or the box that holds it; empty where it is out of sight."""
    if node in picture.by_name:
        return node
    box = picture.folding.box_of.get(node, "") if picture.folding is not None else ""
    return box if box in picture.by_name else ""


def edge_opacity(picture: CircuitScene, edge: DrawnEdge, opacity: Mapping[str, float]) -> float:
    """How opaque an edge is to be; an arrow is as opaque as its most opaque edge."""
    held = expand_selection(picture, frozenset(), {edge.name})[1]
    return max((opacity.get(name, 0.0) for name in held), default=0.0)


def _drawn_box(
    state: State,
    folding: FoldedCircuit,
    box: str,
    at: tuple[float, float],
    score: float,
    written: str,
    told: Mapping[str, Any],
) -> DrawnNode:
    held = folding.nodes_in(box)
    out = all(name in state.ablated_nodes for name in held if name != "logits") and held != ("logits",)
    group = state.groups.get(box)
    if group is None:
        label = state.labels.get(box)
        kind = folding.circuit.graph.node(box).kind
        text, colour = (label.text, label.colour) if label else ("", "")
        return DrawnNode(box, kind, *at, score, text, colour, out, text=written, **told)
    said = state.labels.get(f"group:{box}")
    text, colour = (said.text, said.colour or group.colour) if said else ("", group.colour)
    return DrawnNode(box, NodeKind.HEAD, *at, score, text, colour, out, members=held)


def _box_positions(state: State, folding: FoldedCircuit, layout: str, boxes: set[str]) -> Positions:
    """A box stands where its middle node would stand if it had all of the box's edges."""
    middle = {box: _representative_node(folding.nodes_in(box)) for box in folding.boxes}
    pinned = {middle[n]: state.groups[n].place for n in boxes if n in middle} | {
        n: state.positions.get(n) for n in folding.boxes if n not in boxes
    }
    fixed = {name: place for name, place in pinned.items() if place is not None}
    found = _layout_boxes(folding, layout, frozenset(fixed.items()))
    said = {box: label.text for box in boxes if (label := state.labels.get(f"group:{box}"))}
    sizes = {
        box: layout_box_label(group_title(box, said.get(box, "")), folding.nodes_in(box))
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
    """Places of the boxes' middle nodes."""
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
    """The node of a box that is laid out in its stead: of middle depth, best neither end of the model."""
    inner = [name for name in nodes if name not in ("input", "logits")] or list(nodes)
    return inner[len(inner) // 2]
