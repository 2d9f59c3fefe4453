"""What is drawn, without Qt: window, export and command line draw the same picture from it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np

from circuitviz.canvas.captions import facts_of, written_of
from circuitviz.canvas.inscription import titled
from circuitviz.canvas.kinds import MEANINGS, PLAIN, look_of
from circuitviz.canvas.links import Indices, Links
from circuitviz.canvas.places import Place, columns_beyond, columns_of, places_of
from circuitviz.graph import Circuit, Folding, Kind, Scores
from circuitviz.session import State
from circuitviz.session.groups import boxes_of, frames_of
from circuitviz.session.words import words_of

MOST_DRAWN = 2000


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
    kind: Kind
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
        return titled(self.name, self.label) if self.members else self.text or self.name

    @property
    def look(self) -> str:
        """How it is drawn, a key of ``kinds.MEANINGS``."""
        return look_of(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """One edge between nodes; ``name`` is EAP-IG's, ``channel`` is q, k, v or empty.

    ``strength``: |score| as a share of the strongest edge's; ``opacity``: on request, how stable it is.
    ``side``: where two circuits are compared, which has it; ``note``: what each of them says of it.
    ``count``: of how many edges it is the sum, where it begins or ends at a box.
    """

    name: str
    sender: str
    node: str
    channel: str
    score: float
    strength: float
    ablated: bool = False
    opacity: float = 1.0
    side: str = ""
    note: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Frame:
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
class CircuitPicture:
    """All nodes and edges that are drawn, the weakest edge first; ``total`` counts the circuit's.

    ``sides``: the names of two circuits that are compared, else nothing. ``folding``: which nodes stand
    in which box, where groups are collapsed. ``frames``: the nodes of each open group, and its colour.
    ``sign``: what the sign of a score means, a key of ``sight.SIGN_MEANINGS``.
    ``placed``: names of the nodes that stand where a person put them.
    """

    nodes: tuple[DrawnNode, ...] = ()
    edges: tuple[DrawnEdge, ...] = ()
    total: int = 0
    by_name: Mapping[str, DrawnNode] = field(default_factory=dict)
    sides: tuple[str, ...] = ()
    folding: Folding | None = None
    frames: tuple[Frame, ...] = ()
    columns: tuple[TokenColumn, ...] = ()
    sign: str = "helps"
    placed: frozenset[str] = frozenset()

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each node."""
        return {node.name: row for row, node in enumerate(self.nodes)}

    @cached_property
    def links(self) -> Links:
        """The edges as columns of numbers."""
        return Links.of(self.edges, self.rows)

    @cached_property
    def edge_rows(self) -> dict[str, list[int]]:
        """Rows of each edge by name: one into a shared key-value receiver has a row per head."""
        rows: dict[str, list[int]] = {}
        for row, edge in enumerate(self.edges):
            rows.setdefault(edge.name, []).append(row)
        return rows

    @cached_property
    def any_ablated(self) -> bool:
        """Whether a node is drawn as taken out."""
        return any(node.ablated for node in self.nodes)

    @cached_property
    def looks(self) -> tuple[str, ...]:
        """The kinds of nodes that a legend has to tell apart; none in a circuit of heads and MLPs alone."""
        found = {node.look for node in self.nodes if not node.members}
        return tuple(look for look in MEANINGS if look in found) if found - PLAIN else ()

    def around(self, nodes: Set[str], edges: Set[str]) -> tuple[Indices, Indices]:
        """Rows of the edges that are named or touch the nodes, and of the nodes that they join."""
        links = self.links
        chosen = np.zeros(len(self.nodes), bool)
        chosen[[self.rows[name] for name in nodes if name in self.rows]] = True
        out = chosen[links.sender] | chosen[links.node]
        out[[row for name in edges for row in self.edge_rows.get(name, ())]] = True
        chosen[links.sender[out]] = True
        chosen[links.node[out]] = True
        return np.flatnonzero(out), np.flatnonzero(chosen)

    def moved(self, places: Mapping[str, tuple[float, float]]) -> CircuitPicture:
        """The same picture with some nodes at other places."""
        return self.with_nodes(
            tuple(
                replace(n, x=places[n.name][0], y=places[n.name][1]) if n.name in places else n
                for n in self.nodes
            )
        )

    def with_nodes(self, nodes: tuple[DrawnNode, ...]) -> CircuitPicture:
        """The same picture with the same nodes, in the same order, at other places."""
        picture = replace(self, nodes=nodes, by_name={n.name: n for n in nodes})
        for kept in ("rows", "links", "edge_rows", "any_ablated", "looks"):  # places do not enter them
            if kept in self.__dict__:
                picture.__dict__[kept] = self.__dict__[kept]
        return picture


def picture_of(
    state: State,
    layout: str = "layered",
    most: int = MOST_DRAWN,
    opacity: Mapping[str, float] | None = None,
) -> CircuitPicture:
    """Draw a state's circuit, ablated parts included; at most ``most`` edges, the strongest.

    Collapsed groups are boxes, and what the state's filters hide is left out. ``opacity`` by edge
    name: edges that it does not name are all but invisible.
    """
    from circuitviz.canvas.folded import fold_picture, opacity_of  # they draw with what is defined here
    from circuitviz.canvas.seen import seen

    circuit = state.circuit
    if circuit is None or not circuit.n_nodes:
        return CircuitPicture()
    draw = fold_picture if boxes_of(state.groups) else _draw
    picture = draw(state, layout, most)
    if opacity is not None:
        edges = tuple(replace(e, opacity=max(0.06, opacity_of(picture, e, opacity))) for e in picture.edges)
        picture = replace(picture, edges=edges)
    picture = replace(picture, columns=_columns(state, layout))
    placed = frozenset(state.positions) | {n for n, g in state.groups.items() if g.place is not None}
    picture = replace(picture, placed=placed & picture.by_name.keys())
    frames = tuple(Frame(n, state.groups[n].colour, nodes) for n, nodes in frames_of(state.groups).items())
    return seen(replace(picture, frames=frames, sign=state.sign), state.sight, circuit.graph)


def _draw(state: State, layout: str, most: int) -> CircuitPicture:
    circuit = state.circuit
    assert circuit is not None
    pinned = frozenset(state.positions.items())
    nodes = {node.name: node for node in _plain(circuit, state.scores, layout, pinned)}
    for name in nodes.keys() & (state.labels.keys() | state.changed.keys() | state.ablated_nodes):
        label, what = state.labels.get(name), state.changed.get(name)
        said = [label.text if label else "", what.text if what else ""]
        nodes[name] = replace(
            nodes[name],
            label=" · ".join(filter(None, said)),
            colour=label.colour if label else "",
            ablated=name in state.ablated_nodes,
        )
    return CircuitPicture(tuple(nodes.values()), _edges(state, most), circuit.n_edges, nodes)


@lru_cache(maxsize=4)  # what is done to a circuit changes few nodes of many
def _plain(
    circuit: Circuit, scores: Scores | None, layout: str, pinned: frozenset[tuple[str, Place]]
) -> tuple[DrawnNode, ...]:
    """Nodes as they stand, with nothing said of them and nothing done to them."""
    graph, places = circuit.graph, places_of(circuit, layout, pinned)
    totals = dict(zip(graph.senders, _totals(circuit, scores), strict=True))
    written, facts = written_of(circuit, scores), facts_of(circuit, scores)
    return tuple(
        DrawnNode(
            *(name, graph.node(name).kind, *places[name], totals.get(name, 0.0)),
            text=written.get(name, ""),
            **facts.get(name, {}),
        )
        for name in circuit.node_names
    )


def _totals(circuit: Circuit, scores: Scores | None) -> list[float]:
    """What each sender's edges add up to [senders]."""
    senders, receivers = circuit.ends
    values = None if scores is None else scores.values[senders, receivers]
    return [float(v) for v in np.bincount(senders, values, len(circuit.graph.senders))]


def _columns(state: State, layout: str) -> tuple[TokenColumn, ...]:
    """Tokens as the run or their nodes' labels write them, else their positions; also those without nodes."""
    if state.circuit is None or not (spans := columns_of(state.circuit, layout)):
        return ()
    words = words_of(state)
    after = sorted(position for position in words if position > (spans[-1].position or 0))
    spans = (*spans, *columns_beyond(spans[-1], after))
    return tuple(
        TokenColumn("any position", span.left, span.right)
        if span.position is None
        else TokenColumn(words.get(span.position, str(span.position)), span.left, span.right)
        for span in spans
    )


def _edges(state: State, most: int) -> tuple[DrawnEdge, ...]:
    assert state.circuit is not None
    edges = _strongest(state.circuit, state.scores, most)
    nodes, names = state.ablated_nodes, state.ablated_edges
    if not nodes and not names:
        return edges
    return tuple(replace(e, ablated=True) if e.sender in nodes or e.name in names else e for e in edges)


@lru_cache(maxsize=4)  # an ablation changes few edges of many
def _strongest(circuit: Circuit, scores: Scores | None, most: int) -> tuple[DrawnEdge, ...]:
    """The strongest edges, the weakest of them first; one into a shared input once for each head."""
    graph, drawn = circuit.graph, set(circuit.node_names)
    senders, receivers = circuit.ends
    values = np.ones(len(senders)) if scores is None else scores.values[senders, receivers]
    strength = np.abs(values)
    order = np.argsort(strength, kind="stable")[-most:]
    shares = (strength / (float(strength.max(initial=0.0)) or 1.0))[order]
    columns = (each.tolist() for each in (senders[order], receivers[order], values[order], shares))
    names = [node.name for node in graph.nodes]
    owners = [[names[o] for o in row if names[o] in drawn] for row in graph.owned]
    channels = [graph.channel(r) for r in range(len(graph.receivers))]
    edges: list[DrawnEdge] = []
    for s, r, score, share in zip(*columns, strict=True):
        name = graph.edge_name(s, r)
        edges += [DrawnEdge(name, names[s], node, channels[r], score, share) for node in owners[r]]
    return tuple(edges)
