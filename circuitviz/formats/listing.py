"""A circuit as lists of nodes and edges with plain attributes: what CSV, GraphML and DOT all carry."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.escapes import escaped, unescaped
from circuitviz.formats.parts.places import place
from circuitviz.formats.shapes import check_nodes, check_shape, checked_node
from circuitviz.graph import Circuit, Graph, Kind, Node, Scores, Shape
from circuitviz.graph.graph import channel_of
from circuitviz.graph.opened import graph_holding, opened_sites
from circuitviz.graph.scores import IMPORTED, POSITIVE_HELPS, SIGN
from circuitviz.session import Document, Label, State

Plain = str | int | float | bool
WHOLE = frozenset("layer head position feature token n_layers n_heads d_model n_kv_heads sinks".split())
FACTS = {
    "activations": "activation",
    "attributions": "attribution",
    "influence": "influence",
    "cumulative_influence": "cumulative_influence",
    "probabilities": "probability",
}  # numbers of a prompt's nodes: in the scores' ``info``, and as attributes
REAL = frozenset(("x", "y", "score", "label_confidence", *FACTS.values()))
TRUTH = frozenset("parallel mlp ablated live".split())
PART = re.compile(r"(?P<node>(?P<site>[am])(?P<layer>\d+)\.(?:f(?P<feature>\d+)|error))(?:<[qkv]>)?$")
COMPONENT = re.compile(r"(?:a(?P<layer>\d+)\.(?P<kind>h|kv)(?P<head>\d+)(?:<[qkv]>)?|m(?P<mlp>\d+))$")
COLOUR = re.compile("(?:#[0-9a-fA-F]{6})?")
LABEL = {"text": "label"}


@dataclass(frozen=True)
class ListedEdge:
    """An edge; ``owners`` are the nodes that a shared receiver belongs to.

    ``ablated``: taken out by itself; ``live``: still part of the circuit, with all that is ablated out.
    """

    sender: str
    receiver: str
    owners: tuple[str, ...]
    score: float
    ablated: bool = False
    live: bool = True

    @property
    def fate(self) -> dict[str, Plain]:
        """What ablation did to it, as attributes; nothing where it did nothing."""
        return {**({"ablated": True} if self.ablated else {}), **({} if self.live else {"live": False})}

    @property
    def channel(self) -> str:
        """``q``, ``k``, ``v``, or nothing."""
        return channel_of(self.receiver)


@dataclass(frozen=True)
class Listing:
    """A circuit with what is ablated of it, which is marked: ``about`` the model's graph, nodes by name,
    edges by sender.
    """

    about: Mapping[str, Plain] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Plain]] = field(default_factory=dict)
    edges: tuple[ListedEdge, ...] = ()


def listing_of(document: Document) -> Listing:
    """The circuit of a document, ablated parts marked; InputError where there is none."""
    state, circuit, live = document.state, document.state.circuit, document.state.live
    if circuit is None or live is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, scores = circuit.graph, state.scores
    edges = []
    written = {name: escaped(name) for name in graph.node_index}
    drawn = set(circuit.node_names) | (state.ablated_nodes & set(graph.node_index))
    if not is_whole(graph):
        drawn.update(node.name for node in graph.nodes[-graph.sinks :])
    for s, r in np.argwhere(circuit.edges):
        owners = [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        own = tuple(name for name in owners if name in drawn) or tuple(owners)
        drawn.update(own)
        score = float(scores.values[s, r]) if scores is not None else 0.0
        out = graph.edge_name(s, r) in state.ablated_edges
        ends = written[graph.senders[s]], escaped(graph.receivers[r])
        owned = tuple(written[name] for name in own)
        edges.append(ListedEdge(*ends, owned, score, out, bool(live.edges[s, r])))
    nodes = {written[node.name]: _told(node, state) for node in graph.nodes if node.name in drawn}
    about: dict[str, Plain] = {k: v for k, v in dataclasses.asdict(graph.shape).items() if v is not None}
    if scores is not None:
        about["method"] = escaped(scores.method)
        if scores.sign_known:
            about[SIGN] = POSITIVE_HELPS
    if not is_whole(graph):
        about["sinks"] = graph.sinks
    return Listing(about, nodes, tuple(edges))


def document_of(listing: Listing) -> Document:
    """A document of what was listed; InputError in a half sentence where it does not fit together."""
    listing = _unescaped(listing)
    graph = _graph(listing)
    values, chosen = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
    for edge in listing.edges:
        s, r = graph.edge(f"{edge.sender}->{edge.receiver}")
        values[s, r], chosen[s, r] = edge.score, True
    if not np.isfinite(values).all():
        raise InputError("a score is not a number")
    labels, places, out = {}, {}, set()
    info: dict[str, Any] = {}
    for name, told in listing.nodes.items():
        if name not in graph.node_index:
            raise InputError(f"the node '{name}' is none of the model's")
        if any(key == "label" or key.startswith("label_") for key in told):
            labels[name] = _label(told)
        if is_ablated(told):
            out.add(name)
        for key, attribute in FACTS.items():
            if attribute in told and graph.is_of_prompt and math.isfinite(float(told[attribute])):
                info.setdefault(key, {})[name] = float(told[attribute])
        if "x" in told and "y" in told:
            places[name] = place([float(told["x"]), float(told["y"])])
    sign = listing.about.get(SIGN)
    info |= {} if sign is None else {SIGN: str(sign)}
    scores = Scores(graph, values, str(listing.about.get("method", IMPORTED)), info=info)
    circuit = Circuit(graph, chosen, int(chosen.sum()))
    edges = frozenset(f"{edge.sender}->{edge.receiver}" for edge in listing.edges if edge.ablated)
    state = State(None, scores, circuit, frozenset(out), edges, labels=labels, positions=places)
    return Document(state)


def is_ablated(told: Mapping[str, Any]) -> bool:
    """Whether attributes say that something is ablated; other tools may write any word."""
    return str(told.get("ablated", False)).strip().lower() in ("true", "1", "yes")


def typed(key: str, text: str) -> Plain:
    """An attribute's value of what a table says; InputError where that is no number."""
    try:
        if key in WHOLE:
            return int(text)
        if key in REAL:
            return float(text)
    except ValueError:
        raise InputError(f"'{text[:40]}' was given as {key}, which is a number") from None
    return text.strip().lower() == "true" if key in TRUTH else text


def is_transformer(graph: Graph) -> bool:
    """Whether a graph follows from its model's shape, so that a file need not list it."""
    return graph.nodes[0].kind is Kind.INPUT and graph.same_as(Graph.transformer(graph.shape))


def is_whole(graph: Graph) -> bool:
    """Whether every node that reads has an edge from every one before it, so that edges need no list."""
    return is_transformer(graph) or bool(opened_sites(graph))


def _told(node: Node, state: State) -> dict[str, Plain]:
    """What is said of a node: its own fields, its label, its place; nothing that is not there."""
    told: dict[str, Plain] = {"kind": str(node.kind)}
    for own in dataclasses.fields(node):
        value = getattr(node, own.name)
        if own.name not in ("name", "kind") and value is not None and value != "":
            told[own.name] = escaped(value) if isinstance(value, str) else value
    if node.name in state.ablated_nodes:
        told["ablated"] = True
    if node.position is not None and state.scores is not None:
        for key, attribute in FACTS.items():
            value = state.scores.info.get(key, {}).get(node.name)
            if isinstance(value, int | float) and math.isfinite(value):
                told[attribute] = float(value)
    label = state.labels.get(node.name)
    for said in dataclasses.fields(Label) if label else ():
        value = getattr(label, said.name)
        key = LABEL.get(said.name, f"label_{said.name}")
        if isinstance(value, str) and value:
            told[key] = escaped(value)
        elif isinstance(value, int | float):
            told[key] = float(value)
    if node.name in state.positions:
        told["x"], told["y"] = map(float, state.positions[node.name])
    return told


def _label(told: Mapping[str, Plain]) -> Label:
    given: dict[str, Any] = {}
    for said in dataclasses.fields(Label):
        value = told.get(LABEL.get(said.name, f"label_{said.name}"), "" if said.name == "text" else None)
        if value is not None and said.type in ("str", "float", "float | None"):
            given[said.name] = str(value) if said.type == "str" else float(value)
    colour = given.get("colour")
    if colour is not None and not COLOUR.fullmatch(str(colour)):
        raise InputError(f"a label's colour is {colour!r}")
    return Label(**given)


def _graph(listing: Listing) -> Graph:
    shape = _shape(listing)
    if "sinks" not in listing.about:
        return graph_holding(shape, _parts_of_sites(listing))
    known = {own.name for own in dataclasses.fields(Node)} - {"name", "kind"}
    nodes = []
    for name, told in listing.nodes.items():
        given: dict[str, Any] = {k: v for k, v in told.items() if k in known}
        if told.get("kind") not in list(Kind):
            raise InputError(f"the node '{name}' is of the kind {told.get('kind', 'none')!r}")
        checked_node({**given, "name": name, "kind": told["kind"]})
        nodes.append(Node(name, Kind(str(told["kind"])), **given))
    sinks = int(listing.about["sinks"])
    check_nodes(len(nodes), sinks)
    index = {node.name: i for i, node in enumerate(nodes)}
    mask = np.zeros((len(nodes) - sinks, len(nodes)), dtype=bool)
    for edge in listing.edges:
        s, r = index.get(edge.sender), index.get(edge.receiver)
        if s is None or r is None or s >= len(mask):
            raise InputError(f"the edge '{edge.sender}->{edge.receiver}' does not join nodes of the list")
        mask[s, r] = True
    return Graph.of_nodes(shape, tuple(nodes), mask, sinks)


def _parts_of_sites(listing: Listing) -> Iterator[Node]:
    """Features and errors that stand at no position, by their names: their sites are opened."""
    names = set(listing.nodes) | {n for e in listing.edges for n in (e.sender, e.receiver)}
    for name in names:
        if hit := PART.match(name):
            bare, site, layer = hit["node"], hit["site"], int(hit["layer"])
            said = str(listing.nodes.get(bare, {}).get("dictionary", "")) or None
            if hit["feature"] is None:
                yield Node(bare, Kind.ERROR, layer, site=site)
            else:
                number = int(hit["feature"])
                yield Node(bare, Kind.FEATURE, layer, site=site, feature=number, dictionary=said)


def _unescaped(listing: Listing) -> Listing:
    """A file's listing with its names and texts as they were before they were written."""

    def read(value: Plain) -> Plain:
        return unescaped(value) if isinstance(value, str) else value

    about = {key: read(value) for key, value in listing.about.items()}
    nodes = {
        unescaped(name): {key: read(value) for key, value in told.items()}
        for name, told in listing.nodes.items()
    }
    edges = (
        dataclasses.replace(edge, sender=unescaped(edge.sender), receiver=unescaped(edge.receiver))
        if "\\" in edge.sender or "\\" in edge.receiver
        else edge
        for edge in listing.edges
    )
    return Listing(about, nodes, tuple(edges))


def _shape(listing: Listing) -> Shape:
    """The shape that a file says, or else the smallest model that has its nodes.

    Its width cannot be seen from nodes: one number per head is the least.
    """
    said = listing.about
    if {"n_layers", "n_heads", "d_model"} <= set(said):
        shape = Shape(
            int(said["n_layers"]),
            int(said["n_heads"]),
            int(said["d_model"]),
            int(said["n_kv_heads"]) if "n_kv_heads" in said else None,
            bool(said.get("parallel", False)),
            bool(said.get("mlp", True)),
        )
    else:
        shape = _smallest({n for e in listing.edges for n in (e.sender, e.receiver)})
    check_shape(shape)
    return shape


def _smallest(names: set[str]) -> Shape:
    found = [hit for hit in map(COMPONENT.match, names) if hit]
    parts = [hit for hit in map(PART.match, names) if hit]
    layers = [int(hit["layer"] or hit["mlp"] or 0) for hit in found] + [int(hit["layer"]) for hit in parts]
    heads = [int(hit["head"]) for hit in found if hit["kind"] == "h"]
    shared = [int(hit["head"]) for hit in found if hit["kind"] == "kv"]
    n_heads = max(heads, default=0) + 1
    kv = max(shared) + 1 if shared else None
    if kv is not None:
        n_heads = kv * max(2, math.ceil(n_heads / kv))
    n_layers = max(layers, default=0) + 1
    mlp = any(hit["mlp"] for hit in found) or any(hit["site"] == "m" for hit in parts)
    return Shape(n_layers, n_heads, n_heads, kv, mlp=mlp)
