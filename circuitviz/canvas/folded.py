"""Collapsed groups as boxes with arrows that add up; what is selected is told in the circuit's own names."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

import numpy as np

from circuitviz.canvas.inscription import inscribed
from circuitviz.canvas.picture import MOST_DRAWN, CircuitPicture, DrawnEdge, DrawnNode, titled
from circuitviz.graph import Circuit, Folding, Kind, fold
from circuitviz.layout import Places, layouts
from circuitviz.layout.room import make_room
from circuitviz.session import State
from circuitviz.session.groups import boxes_of

Chosen = tuple[frozenset[str], frozenset[str]]
"""Names of nodes and of edges."""


def fold_picture(state: State, layout: str, most: int = MOST_DRAWN) -> CircuitPicture:
    """Draw a state whose collapsed groups are boxes; an arrow's score is what of it is not ablated."""
    circuit, live = state.circuit, state.live
    assert circuit is not None and live is not None
    values = state.scores.values if state.scores is not None else circuit.edges.astype(float)
    groups = boxes_of(state.groups)
    folding = fold(circuit, np.where(live.edges, values, 0.0), groups)
    arrows = folding.arrows()
    totals: dict[str, float] = {}
    for arrow in arrows:
        totals[arrow.sender] = totals.get(arrow.sender, 0.0) + arrow.score
    places = _places(state, folding, layout, set(groups))
    nodes = tuple(_node(state, folding, box, places[box], totals.get(box, 0.0)) for box in folding.boxes)
    strongest = max((abs(a.score) for a in arrows), default=0.0) or 1.0
    alive = {arrow.key for arrow in (arrows if live is circuit else replace(folding, circuit=live).arrows())}
    graph = circuit.graph
    into = {
        (graph.nodes[n].name, graph.channel(r)): graph.receivers[r] for r, n in np.argwhere(graph.owners)
    }
    edges = []
    for arrow in sorted(arrows, key=lambda a: abs(a.score))[-most:]:
        end = f"{arrow.receiver}<{arrow.channel}>" if arrow.channel else arrow.receiver
        name = f"{arrow.sender}->{into.get((arrow.receiver, arrow.channel), end)}"
        share = abs(arrow.score) / strongest
        gone = arrow.key not in alive
        edges.append(DrawnEdge(name, *arrow.key, arrow.score, share, gone, count=arrow.edges))
    by_name = {node.name: node for node in nodes}
    return CircuitPicture(nodes, tuple(edges), circuit.n_edges, by_name, folding=folding)


def unfolded(picture: CircuitPicture, nodes: Set[str], edges: Set[str]) -> Chosen:
    """The circuit's nodes and edges that drawn ones stand for."""
    folding = picture.folding
    if folding is None:
        return frozenset(nodes), frozenset(edges)
    graph = folding.circuit.graph
    inside = (folding.nodes(n) if n in picture.by_name else (n,) for n in nodes)
    held = np.zeros_like(folding.circuit.edges)
    for row in (row for name in edges for row in picture.edge_rows.get(name, ())):
        edge = picture.edges[row]
        held |= folding.edges(edge.sender, edge.node, edge.channel)
    others = edges - picture.edge_rows.keys()
    return frozenset().union(*inside), frozenset(graph.edge_names(held)) | others


def standing(picture: CircuitPicture, nodes: Set[str], edges: Set[str]) -> Chosen:
    """What is drawn of chosen nodes and edges: a box or an arrow where all that it holds is chosen."""
    if picture.folding is None:
        return frozenset(nodes), frozenset(edges)
    boxes = frozenset(n.name for n in picture.nodes if nodes and nodes >= set(n.members or (n.name,)))
    if not edges:
        return boxes, frozenset()
    folding = picture.folding
    graph, there = folding.circuit.graph, np.zeros_like(folding.circuit.edges)
    for name in edges:
        sender, _, receiver = name.partition("->")
        if sender in graph.sender_index and receiver in graph.receiver_index:
            there[graph.sender_index[sender], graph.receiver_index[receiver]] = True
    chosen = replace(folding, circuit=Circuit(graph, there & folding.circuit.edges))
    whole = {arrow.key: arrow.edges for arrow in chosen.arrows()}
    return boxes, frozenset(
        e.name for e in picture.edges if whole.get((e.sender, e.node, e.channel)) == e.count
    )


def standing_for(picture: CircuitPicture, node: str) -> str:
    """What is drawn where a node is: itself, or the box that holds it; empty where it is out of sight."""
    if node in picture.by_name:
        return node
    box = picture.folding.box_of.get(node, "") if picture.folding is not None else ""
    return box if box in picture.by_name else ""


def opacity_of(picture: CircuitPicture, edge: DrawnEdge, opacity: Mapping[str, float]) -> float:
    """How opaque an edge is to be; an arrow is as opaque as its most opaque edge."""
    held = unfolded(picture, frozenset(), {edge.name})[1]
    return max((opacity.get(name, 0.0) for name in held), default=0.0)


def _node(
    state: State, folding: Folding, box: str, at: tuple[float, float], score: float
) -> DrawnNode:
    held = folding.nodes(box)
    out = all(name in state.ablated_nodes for name in held if name != "logits") and held != ("logits",)
    group = state.groups.get(box)
    if group is None:
        label = state.labels.get(box)
        kind = folding.circuit.graph.node(box).kind
        text, colour = (label.text, label.colour) if label else ("", "")
        return DrawnNode(box, kind, *at, score, text, colour, out)
    said = state.labels.get(f"group:{box}")
    text, colour = (said.text, said.colour) if said else ("", group.colour)
    return DrawnNode(box, Kind.HEAD, *at, score, text, colour, out, members=held)


def _places(state: State, folding: Folding, layout: str, boxes: set[str]) -> Places:
    """A box stands where its middle node would stand if it had all of the box's edges."""
    graph = folding.circuit.graph
    middle = {box: _middle(folding.nodes(box)) for box in folding.boxes}
    edges = np.zeros_like(folding.circuit.edges)
    rows = {box: graph.sender_index.get(name) for box, name in middle.items()}
    reads = {box: np.flatnonzero(graph.owners[:, graph.node_index[name]]) for box, name in middle.items()}
    for arrow in folding.arrows():
        row, columns = rows[arrow.sender], reads[arrow.receiver]
        if row is not None and len(columns):
            edges[row, columns[0]] = True
    pinned = {middle[n]: state.groups[n].place for n in boxes if n in middle} | {
        n: state.positions.get(n) for n in folding.boxes if n not in boxes
    }
    fixed = {name: place for name, place in pinned.items() if place is not None}
    found = layouts.get(layout).value(graph, [middle[box] for box in folding.boxes], edges, fixed)
    said = {box: label.text for box in boxes if (label := state.labels.get(f"group:{box}"))}
    sizes = {
        box: inscribed(titled(box, said.get(box, "")), folding.nodes(box)) for box in boxes if box in middle
    }
    return make_room(
        {box: found[middle[box]] for box in folding.boxes},
        {box: (size.width, size.height) for box, size in sizes.items()},
        {box for box in folding.boxes if middle[box] in fixed},
    )


def _middle(nodes: tuple[str, ...]) -> str:
    """The node of a box that is laid out in its stead: of middle depth, best neither end of the model."""
    inner = [name for name in nodes if name not in ("input", "logits")] or list(nodes)
    return inner[len(inner) // 2]
