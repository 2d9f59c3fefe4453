"""What is drawn, without Qt: window, export and command line draw the same picture from it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np

from circuitviz.document import State
from circuitviz.document.groups import expanded_groups, outermost_collapsed
from circuitviz.document.node_text import tokens_by_position
from circuitviz.graph import Circuit, FoldedCircuit, NodeKind, Scores
from circuitviz.scene.box_label import group_title
from circuitviz.scene.edge_arrays import EdgeArrays, Indices
from circuitviz.scene.node_positions import Position, columns_for_positions, layout_columns, node_positions
from circuitviz.scene.node_styles import COMPONENT_STYLES, STYLE_DESCRIPTIONS, node_style
from circuitviz.scene.node_texts import node_facts, node_texts

MAX_DRAWN_EDGES = 2000


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One node: where it stands (y upwards), what it is, and what a person said of it.

    ``side``: where two circuits are compared, which has it: ``both``, ``left`` or ``right``.
    ``members``: the nodes of a collapsed group, which is drawn as one box under its ``title``.
    ``text``: what is written in the box instead of the name, where something says more: a token.
    ``facts``: its numbers in words; ``pinned``: whether its file's viewer had it pinned.
    ``room``: how wide its box may be made for a label, in scene units.
    """

    name: str
    kind: NodeKind
    x: float
    y: float
    score: float = 0.0
    label: str = ""
    colour: str = ""
    ablated: bool = False
    side: str = ""
    members: tuple[str, ...] = ()
    text: str = ""
    facts: str = ""
    pinned: bool = False
    room: float = 86.0

    @property
    def title(self) -> str:
        """What is written in the box: the name, and of a group what is said of it as a whole."""
        return group_title(self.name, self.label) if self.members else self.text or self.name

    @property
    def style(self) -> str:
        """How it is drawn, a key of ``kinds.MEANINGS``."""
        return node_style(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """One edge between nodes; ``name`` is EAP-IG's, ``channel`` is q, k, v or empty.

    ``strength``: |score| as a share of the strongest edge's; ``opacity``: on request, how stable it is.
    ``side``: where two circuits are compared, which has it; ``note``: what each of them says of it.
    ``n_edges``: of how many edges it is the sum, where it begins or ends at a box.
    """

    name: str
    sender: str
    receiver: str
    channel: str
    score: float
    strength: float
    ablated: bool = False
    opacity: float = 1.0
    side: str = ""
    note: str = ""
    n_edges: int = 1


@dataclass(frozen=True, slots=True)
class GroupFrame:
    """A group that stands open: its nodes are drawn on a ground of their own."""

    name: str
    colour: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class TokenColumn:
    """The token below what stands at its position, and from where to where that reaches."""

    text: str
    left: float
    right: float


@dataclass(frozen=True)
class CircuitScene:
    """All nodes and edges that are drawn, the weakest edge first; ``n_circuit_edges`` counts the circuit's.

    ``sides``: the names of two circuits that are compared, else nothing. ``folding``: which nodes stand
    in which box, where groups are collapsed. ``frames``: the nodes of each open group, and its colour.
    ``sign``: what the sign of a score means, a key of ``sight.SIGN_MEANINGS``.
    ``placed``: names of the nodes that stand where a person put them.
    """

    nodes: tuple[DrawnNode, ...] = ()
    edges: tuple[DrawnEdge, ...] = ()
    n_circuit_edges: int = 0
    by_name: Mapping[str, DrawnNode] = field(default_factory=dict)
    sides: tuple[str, ...] = ()
    folding: FoldedCircuit | None = None
    frames: tuple[GroupFrame, ...] = ()
    columns: tuple[TokenColumn, ...] = ()
    sign: str = "helps"
    placed: frozenset[str] = frozenset()

    @cached_property
    def node_rows(self) -> dict[str, int]:
        """Row of each node."""
        return {node.name: row for row, node in enumerate(self.nodes)}

    @cached_property
    def edge_arrays(self) -> EdgeArrays:
        """The edges as columns of numbers."""
        return EdgeArrays.from_edges(self.edges, self.node_rows)

    @cached_property
    def edge_rows(self) -> dict[str, list[int]]:
        """Rows of each edge by name: one into a shared key-value receiver has a row per head."""
        rows: dict[str, list[int]] = {}
        for row, edge in enumerate(self.edges):
            rows.setdefault(edge.name, []).append(row)
        return rows

    @cached_property
    def has_ablated_nodes(self) -> bool:
        """Whether a node is drawn as taken out."""
        return any(node.ablated for node in self.nodes)

    @cached_property
    def legend_styles(self) -> tuple[str, ...]:
        """The kinds of nodes that a legend has to tell apart; none in a circuit of heads and MLPs alone."""
        found = {node.style for node in self.nodes if not node.members}
        return tuple(look for look in STYLE_DESCRIPTIONS if look in found) if found - COMPONENT_STYLES else ()

    def neighbourhood(self, nodes: Set[str], edges: Set[str]) -> tuple[Indices, Indices]:
        """Rows of the edges that are named or touch the nodes, and of the nodes that they join."""
        links = self.edge_arrays
        chosen = np.zeros(len(self.nodes), bool)
        chosen[[self.node_rows[name] for name in nodes if name in self.node_rows]] = True
        out = chosen[links.sender] | chosen[links.receiver]
        out[[row for name in edges for row in self.edge_rows.get(name, ())]] = True
        chosen[links.sender[out]] = True
        chosen[links.receiver[out]] = True
        return np.flatnonzero(out), np.flatnonzero(chosen)

    def with_positions(self, positions: Mapping[str, tuple[float, float]]) -> CircuitScene:
        """The same picture with some nodes at other places."""
        return self.with_nodes(
            tuple(
                replace(n, x=positions[n.name][0], y=positions[n.name][1]) if n.name in positions else n
                for n in self.nodes
            )
        )

    def with_nodes(self, nodes: tuple[DrawnNode, ...]) -> CircuitScene:
        """The same picture with the same nodes, in the same order, at other places."""
        picture = replace(self, nodes=nodes, by_name={n.name: n for n in nodes})
        for kept in ("rows", "links", "edge_rows", "any_ablated", "looks"):  # places do not enter them
            if kept in self.__dict__:
                picture.__dict__[kept] = self.__dict__[kept]
        return picture


def build_scene(
    state: State,
    layout: str = "layered",
    max_edges: int = MAX_DRAWN_EDGES,
    opacity: Mapping[str, float] | None = None,
) -> CircuitScene:
    """Draw a state's circuit, ablated parts included; at most ``max_edges`` edges, the strongest.

    Collapsed groups are boxes, and what the state's filters hide is left out. ``opacity`` by edge
    name: edges that it does not name are all but invisible.
    """
    from circuitviz.scene.folded_scene import (  # they draw with what is defined here
        build_folded_scene,
        edge_opacity,
    )
    from circuitviz.scene.scene_filters import apply_filters

    circuit = state.circuit
    if circuit is None or not circuit.n_nodes:
        return CircuitScene()
    draw = build_folded_scene if outermost_collapsed(state.groups) else _build_plain_scene
    picture = draw(state, layout, max_edges)
    if opacity is not None:
        edges = tuple(replace(e, opacity=max(0.06, edge_opacity(picture, e, opacity))) for e in picture.edges)
        picture = replace(picture, edges=edges)
    picture = replace(picture, columns=_token_columns(state, layout))
    placed = frozenset(state.positions) | {n for n, g in state.groups.items() if g.place is not None}
    picture = replace(picture, placed=placed & picture.by_name.keys())
    frames = tuple(
        GroupFrame(n, state.groups[n].colour, nodes) for n, nodes in expanded_groups(state.groups).items()
    )
    return apply_filters(
        replace(picture, frames=frames, sign=state.sign_meaning), state.filters, circuit.graph
    )


def _build_plain_scene(state: State, layout: str, max_edges: int) -> CircuitScene:
    circuit = state.circuit
    assert circuit is not None
    pinned = frozenset(state.positions.items())
    nodes = {node.name: node for node in _plain_nodes(circuit, state.scores, layout, pinned)}
    for name in nodes.keys() & (
        state.labels.keys() | state.active_interventions.keys() | state.ablated_nodes
    ):
        label, what = state.labels.get(name), state.active_interventions.get(name)
        said = [label.text if label else "", what.description if what else ""]
        nodes[name] = replace(
            nodes[name],
            label=" · ".join(filter(None, said)),
            colour=label.colour if label else "",
            ablated=name in state.ablated_nodes,
        )
    return CircuitScene(tuple(nodes.values()), _drawn_edges(state, max_edges), circuit.n_edges, nodes)


@lru_cache(maxsize=4)  # what is done to a circuit changes few nodes of many
def _plain_nodes(
    circuit: Circuit, scores: Scores | None, layout: str, pinned: frozenset[tuple[str, Position]]
) -> tuple[DrawnNode, ...]:
    """Nodes as they stand, with nothing said of them and nothing done to them."""
    graph, places = circuit.graph, node_positions(circuit, layout, pinned)
    totals = dict(zip(graph.senders, _sender_totals(circuit, scores), strict=True))
    written, facts = node_texts(circuit, scores), node_facts(circuit, scores)
    return tuple(
        DrawnNode(
            *(name, graph.node(name).kind, *places[name], totals.get(name, 0.0)),
            text=written.get(name, ""),
            **facts.get(name, {}),
        )
        for name in circuit.node_names
    )


def _sender_totals(circuit: Circuit, scores: Scores | None) -> list[float]:
    """What each sender's edges add up to [senders]."""
    senders, receivers = circuit.edge_indices
    values = None if scores is None else scores.values[senders, receivers]
    return [float(v) for v in np.bincount(senders, values, len(circuit.graph.senders))]


def _token_columns(state: State, layout: str) -> tuple[TokenColumn, ...]:
    """Tokens as the run or their nodes' labels write them, else their positions; also those without nodes."""
    if state.circuit is None or not (spans := layout_columns(state.circuit, layout)):
        return ()
    words = tokens_by_position(state)
    after = sorted(position for position in words if position > (spans[-1].position or 0))
    spans = (*spans, *columns_for_positions(spans[-1], after))
    return tuple(
        TokenColumn("any position", span.left, span.right)
        if span.position is None
        else TokenColumn(words.get(span.position, str(span.position)), span.left, span.right)
        for span in spans
    )


def _drawn_edges(state: State, max_edges: int) -> tuple[DrawnEdge, ...]:
    assert state.circuit is not None
    edges = _strongest_edges(state.circuit, state.scores, max_edges)
    nodes, names = state.ablated_nodes, state.ablated_edges
    if not nodes and not names:
        return edges
    return tuple(replace(e, ablated=True) if e.sender in nodes or e.name in names else e for e in edges)


@lru_cache(maxsize=4)  # an ablation changes few edges of many
def _strongest_edges(circuit: Circuit, scores: Scores | None, max_edges: int) -> tuple[DrawnEdge, ...]:
    """The strongest edges, the weakest of them first; one into a shared input once for each head."""
    graph, drawn = circuit.graph, set(circuit.node_names)
    senders, receivers = circuit.edge_indices
    values = np.ones(len(senders)) if scores is None else scores.values[senders, receivers]
    strength = np.abs(values)
    order = np.argsort(strength, kind="stable")[-max_edges:]
    shares = (strength / (float(strength.max(initial=0.0)) or 1.0))[order]
    columns = (each.tolist() for each in (senders[order], receivers[order], values[order], shares))
    names = [node.name for node in graph.nodes]
    owners = [[names[o] for o in row if names[o] in drawn] for row in graph.nodes_by_receiver]
    channels = [graph.channel(r) for r in range(len(graph.receivers))]
    edges: list[DrawnEdge] = []
    for s, r, score, share in zip(*columns, strict=True):
        name = graph.edge_name(s, r)
        edges += [DrawnEdge(name, names[s], node, channels[r], score, share) for node in owners[r]]
    return tuple(edges)
