"""From a document's state to the scene that is drawn of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from circuitviz.document import State
from circuitviz.document.groups import expanded_groups, outermost_collapsed
from circuitviz.document.node_text import tokens_by_position
from circuitviz.graph import BoolMatrix, Circuit, Scores
from circuitviz.layout import layouts
from circuitviz.scene.circuit_scene import ANY_POSITION, CircuitScene, DrawnNode, GroupFrame, TokenColumn
from circuitviz.scene.class_colours import class_colours
from circuitviz.scene.class_marks import mark_repeated_colours
from circuitviz.scene.edge_arrays import CHANNELS, EdgeArrays, GraphEdgeNames, IndexArray
from circuitviz.scene.folded_scene import build_folded_scene, edge_opacities
from circuitviz.scene.node_positions import Position, columns_for_positions, layout_columns, node_positions
from circuitviz.scene.node_texts import node_facts, node_texts
from circuitviz.scene.scene_filters import apply_filters

UNSCORED_STRENGTH = (
    0.15  # of every edge of a circuit without scores: as strong as the strongest, all are a blot
)
MIN_OPACITY = 0.06  # of an edge that no repetition of a search found: all but invisible


def build_scene(
    state: State,
    layout: str = "layered",
    max_edges: int | None = None,
    opacity: Mapping[str, float] | None = None,
) -> CircuitScene:
    """The scene of a state's circuit, ablated parts included.

    Collapsed groups become boxes, and what the state's filters hide is left out.

    Args:
        state: what the document shows.
        layout: a name in ``layout.layouts``.
        max_edges: draw at most so many edges, the strongest; all where it is None.
        opacity: of edges by name, 0 to 1; edges that it does not name are all but invisible.
    """
    circuit = state.circuit
    if circuit is None or not circuit.n_nodes:
        return CircuitScene()
    build = build_folded_scene if outermost_collapsed(state.groups) else _build_plain_scene
    colours = class_colours(state)
    scene = build(state, layout, max_edges, colours)
    if opacity is not None:
        shown = np.maximum(MIN_OPACITY, edge_opacities(scene, circuit, opacity))
        scene = replace(scene, edges=replace(scene.edges, opacity=shown))
    moved = frozenset(state.positions) | {n for n, g in state.groups.items() if g.place is not None}
    find_cells = layouts.get(layout).extra.get("cells") if scene.folding is None else None
    cells = {} if find_cells is None else find_cells(circuit.graph)
    scene = replace(
        scene,
        cells=cells,
        has_edges_on_demand=bool(cells),
        columns=_token_columns(state, circuit, layout),
        user_positioned=frozenset(moved & scene.by_name.keys()),
        frames=tuple(
            GroupFrame(name, colours[name], nodes) for name, nodes in expanded_groups(state.groups).items()
        ),
        sign=state.sign_meaning,
    )
    return apply_filters(mark_repeated_colours(scene, state), state.filters, circuit.graph)


def _build_plain_scene(
    state: State, layout: str, max_edges: int | None, colours: Mapping[str, str]
) -> CircuitScene:
    circuit = state.circuit
    assert circuit is not None
    moved = frozenset(state.positions.items())
    nodes = {node.name: node for node in _plain_nodes(circuit, state.scores, layout, moved)}
    changed = state.labels.keys() | state.active_interventions.keys() | state.ablated_nodes
    for name in nodes.keys() & changed:
        label, intervention = state.labels.get(name), state.active_interventions.get(name)
        texts = [label.text if label else "", intervention.description if intervention else ""]
        nodes[name] = replace(
            nodes[name],
            label=" · ".join(filter(None, texts)),
            class_name=(class_name := state.class_of(label)),
            colour=colours.get(class_name, ""),
            ablated=name in state.ablated_nodes,
        )
    return CircuitScene(tuple(nodes.values()), _drawn_edges(state, circuit, max_edges), circuit.n_edges)


@lru_cache(maxsize=4)  # a label or an ablation changes few nodes of many
def _plain_nodes(
    circuit: Circuit, scores: Scores | None, layout: str, moved: frozenset[tuple[str, Position]]
) -> tuple[DrawnNode, ...]:
    """The nodes at their positions, without labels, interventions and ablations."""
    graph, positions = circuit.graph, node_positions(circuit, layout, moved)
    totals = dict(zip(graph.senders, _sender_totals(circuit, scores), strict=True))
    texts, facts = node_texts(circuit, scores), node_facts(circuit, scores)
    return tuple(
        DrawnNode(
            *(name, graph.node(name).kind, *positions[name], totals.get(name, 0.0)),
            text=texts.get(name, ""),
            layer=graph.node(name).layer,
            **facts.get(name, {}),
        )
        for name in circuit.node_names
    )


def _sender_totals(circuit: Circuit, scores: Scores | None) -> list[float]:
    """The sum of the scores of each sender's edges [senders]; their number without scores."""
    senders, receivers = circuit.edge_indices
    values = None if scores is None else scores.values[senders, receivers]
    return [float(v) for v in np.bincount(senders, values, len(circuit.graph.senders))]


def _token_columns(state: State, circuit: Circuit, layout: str) -> tuple[TokenColumn, ...]:
    """The layout's columns with their tokens or spans, and columns of the tokens at which no node is.

    Tokens are those of the run or of the nodes' labels; where neither tells, the position is written.
    """
    columns = layout_columns(circuit, layout)
    if not columns:
        return ()
    spans = circuit.graph.spans
    tokens = tokens_by_position(state) if spans is None else dict(enumerate(spans.names))
    after = sorted(position for position in tokens if position > (columns[-1].position or 0))
    columns = (*columns, *columns_for_positions(columns[-1], after))
    return tuple(
        TokenColumn(ANY_POSITION, column.left, column.right)
        if column.position is None
        else TokenColumn(tokens.get(column.position, str(column.position)), column.left, column.right)
        for column in columns
    )


def _drawn_edges(state: State, circuit: Circuit, max_edges: int | None) -> EdgeArrays:
    edges = _strongest_edges(circuit, state.scores, max_edges)
    if not state.ablated_nodes and not state.ablated_edges:
        return edges
    is_ablated = np.array([name in state.ablated_nodes for name in edges.node_names], bool)
    keys = [key for name in state.ablated_edges for key in edges.names.keys_of(name)]
    ablated = is_ablated[edges.sender] | np.isin(edges.key, np.array(keys, np.intp))
    return replace(edges, ablated=ablated)


@lru_cache(maxsize=4)  # an ablation changes few edges of many
def _strongest_edges(circuit: Circuit, scores: Scores | None, max_edges: int | None) -> EdgeArrays:
    """The strongest edges, the weakest of them first; one into a shared receiver once for each head."""
    graph = circuit.graph
    senders, receivers = circuit.edge_indices
    values = np.ones(len(senders)) if scores is None else scores.values[senders, receivers]
    size = np.abs(values)
    order = np.argsort(size, kind="stable")
    order = order if max_edges is None else order[max(0, len(order) - max_edges) :]
    row_of_node = np.full(len(graph.nodes), -1)
    row_of_node[[graph.node_index[name] for name in circuit.node_names]] = np.arange(circuit.n_nodes)
    edge, node = _edge_ends(graph.owners, receivers[order])
    is_drawn = (row_of_node[node] >= 0) & (row_of_node[senders[order[edge]]] >= 0)
    edge, node = order[edge[is_drawn]], node[is_drawn]
    channels = np.array([CHANNELS.index(graph.channel(r)) for r in range(len(graph.receivers))], np.intp)
    return EdgeArrays.build(
        circuit.node_names,
        GraphEdgeNames(graph),
        senders[edge] * len(graph.receivers) + receivers[edge],
        row_of_node[senders[edge]],
        row_of_node[node],
        channels[receivers[edge]] if len(channels) else receivers[edge],
        values[edge].astype(float),
        np.full(len(edge), UNSCORED_STRENGTH)
        if scores is None
        else size[edge] / (size.max(initial=0.0) or 1.0),
    )


def _edge_ends(owners: BoolMatrix, receivers: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Each edge with each node that reads its receiver.

    Args:
        owners: [receivers, nodes] which nodes read a receiver: one, or the heads that share keys and values.
        receivers: [edges] rows of ``owners``.

    Returns:
        Numbers of edges and rows of nodes [ends], in the order of the edges.
    """
    row, node = np.nonzero(owners)
    n_nodes = np.bincount(row, minlength=len(owners))
    first = np.cumsum(n_nodes) - n_nodes
    repeats = n_nodes[receivers]
    edge = np.repeat(np.arange(len(receivers)), repeats)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    return edge, node[first[receivers[edge]] + within]
