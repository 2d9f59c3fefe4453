"""A circuit as lists of nodes and edges with plain attributes: what CSV, GraphML and DOT all carry."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitviz.document import Document, Label, State
from circuitviz.errors import InputError
from circuitviz.formats.graph_limits import check_node_count, check_node_fields, check_shape
from circuitviz.formats.parts.positions import parse_position
from circuitviz.formats.text_escapes import escape_text, unescape_text
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.graph.feature_sites import feature_sites, graph_containing
from circuitviz.graph.graph import channel_of
from circuitviz.graph.scores import IMPORTED_METHOD, POSITIVE_HELPS, SIGN_KEY

Scalar = str | int | float | bool
INTEGER_KEYS = frozenset(
    ["layer", "head", "position", "feature", "token", "n_layers", "n_heads", "d_model", "n_kv_heads", "sinks"]
)
NODE_VALUE_KEYS = {
    "activations": "activation",
    "attributions": "attribution",
    "influence": "influence",
    "cumulative_influence": "cumulative_influence",
    "probabilities": "probability",
}  # numbers of a prompt's nodes: in the scores' ``info``, and as attributes
FLOAT_KEYS = frozenset(("x", "y", "score", "label_confidence", *NODE_VALUE_KEYS.values()))
BOOLEAN_KEYS = frozenset(["parallel", "mlp", "ablated", "live"])
FEATURE_PATTERN = re.compile(
    r"(?P<node>(?P<site>[am])(?P<layer>\d+)\.(?:f(?P<feature>\d+)|error))(?:<[qkv]>)?$"
)
COMPONENT_PATTERN = re.compile(r"(?:a(?P<layer>\d+)\.(?P<kind>h|kv)(?P<head>\d+)(?:<[qkv]>)?|m(?P<mlp>\d+))$")
COLOUR_PATTERN = re.compile("(?:#[0-9a-fA-F]{6})?")
LABEL_KEYS = {"text": "label"}


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
    def ablation_attrs(self) -> dict[str, Scalar]:
        """What ablation did to it, as attributes; nothing where it did nothing."""
        return {**({"ablated": True} if self.ablated else {}), **({} if self.live else {"live": False})}

    @property
    def channel(self) -> str:
        """``q``, ``k``, ``v``, or nothing."""
        return channel_of(self.receiver)


@dataclass(frozen=True)
class CircuitListing:
    """A circuit as lists of nodes, by name, and edges, by sender, in which ablated ones are marked.

    Attributes:
        model_attributes: What the model's graph is, as attributes of the file's graph.
    """

    model_attributes: Mapping[str, Scalar] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    edges: tuple[ListedEdge, ...] = ()


def list_circuit(document: Document) -> CircuitListing:
    """The circuit of a document, ablated parts marked; InputError where there is none."""
    state, circuit, live = document.state, document.state.circuit, document.state.live_circuit
    if circuit is None or live is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, scores = circuit.graph, state.scores
    edges = []
    written = {name: escape_text(name) for name in graph.node_index}
    drawn = set(circuit.node_names) | (state.ablated_nodes & set(graph.node_index))
    if not is_model_graph(graph):
        drawn.update(node.name for node in graph.nodes[-graph.sinks :])
    for s, r in np.argwhere(circuit.edges):
        owners = [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        own = tuple(name for name in owners if name in drawn) or tuple(owners)
        drawn.update(own)
        score = float(scores.values[s, r]) if scores is not None else 0.0
        out = graph.edge_name(s, r) in state.ablated_edges
        ends = written[graph.senders[s]], escape_text(graph.receivers[r])
        owned = tuple(written[name] for name in own)
        edges.append(ListedEdge(*ends, owned, score, out, bool(live.edges[s, r])))
    nodes = {written[node.name]: _node_attributes(node, state) for node in graph.nodes if node.name in drawn}
    about: dict[str, Scalar] = {k: v for k, v in dataclasses.asdict(graph.shape).items() if v is not None}
    if scores is not None:
        about["method"] = escape_text(scores.method)
        if scores.sign_known:
            about[SIGN_KEY] = POSITIVE_HELPS
    if not is_model_graph(graph):
        about["sinks"] = graph.sinks
    return CircuitListing(about, nodes, tuple(edges))


def build_document(listing: CircuitListing) -> Document:
    """A document of what was listed; InputError in a half sentence where it does not fit together."""
    listing = _unescape_listing(listing)
    graph = _build_graph(listing)
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
            labels[name] = _parse_label(told)
        if is_ablated(told):
            out.add(name)
        for key, attribute in NODE_VALUE_KEYS.items():
            if attribute in told and graph.is_of_prompt and math.isfinite(float(told[attribute])):
                info.setdefault(key, {})[name] = float(told[attribute])
        if "x" in told and "y" in told:
            places[name] = parse_position([float(told["x"]), float(told["y"])])
    sign = listing.model_attributes.get(SIGN_KEY)
    info |= {} if sign is None else {SIGN_KEY: str(sign)}
    scores = Scores(graph, values, str(listing.model_attributes.get("method", IMPORTED_METHOD)), info=info)
    circuit = Circuit(graph, chosen, int(chosen.sum()))
    edges = frozenset(f"{edge.sender}->{edge.receiver}" for edge in listing.edges if edge.ablated)
    state = State(None, scores, circuit, frozenset(out), edges, labels=labels, positions=places)
    return Document(state)


def is_ablated(attributes: Mapping[str, Any]) -> bool:
    """Whether attributes say that something is ablated; other tools may write any word."""
    return str(attributes.get("ablated", False)).strip().lower() in ("true", "1", "yes")


def parse_attribute(key: str, text: str) -> Scalar:
    """An attribute's value of what a table says; InputError where that is no number."""
    try:
        if key in INTEGER_KEYS:
            return int(text)
        if key in FLOAT_KEYS:
            return float(text)
    except ValueError:
        raise InputError(f"'{text[:40]}' was given as {key}, which is a number") from None
    return text.strip().lower() == "true" if key in BOOLEAN_KEYS else text


def is_transformer_graph(graph: Graph) -> bool:
    """Whether a graph follows from its model's shape, so that a file need not list it."""
    return graph.nodes[0].kind is NodeKind.INPUT and graph.same_as(Graph.transformer(graph.shape))


def is_model_graph(graph: Graph) -> bool:
    """Whether every node that reads has an edge from every one before it, so that edges need no list."""
    return is_transformer_graph(graph) or bool(feature_sites(graph))


def _node_attributes(node: Node, state: State) -> dict[str, Scalar]:
    """What is said of a node: its own fields, its label, its place; nothing that is not there."""
    told: dict[str, Scalar] = {"kind": str(node.kind)}
    for own in dataclasses.fields(node):
        value = getattr(node, own.name)
        if own.name not in ("name", "kind") and value is not None and value != "":
            told[own.name] = escape_text(value) if isinstance(value, str) else value
    if node.name in state.ablated_nodes:
        told["ablated"] = True
    if node.position is not None and state.scores is not None:
        for key, attribute in NODE_VALUE_KEYS.items():
            value = state.scores.info.get(key, {}).get(node.name)
            if isinstance(value, int | float) and math.isfinite(value):
                told[attribute] = float(value)
    label = state.labels.get(node.name)
    for said in dataclasses.fields(Label) if label else ():
        value = getattr(label, said.name)
        key = LABEL_KEYS.get(said.name, f"label_{said.name}")
        if isinstance(value, str) and value:
            told[key] = escape_text(value)
        elif isinstance(value, int | float):
            told[key] = float(value)
    if node.name in state.positions:
        told["x"], told["y"] = map(float, state.positions[node.name])
    return told


def _parse_label(attributes: Mapping[str, Scalar]) -> Label:
    given: dict[str, Any] = {}
    for said in dataclasses.fields(Label):
        value = attributes.get(
            LABEL_KEYS.get(said.name, f"label_{said.name}"), "" if said.name == "text" else None
        )
        if value is not None and said.type in ("str", "float", "float | None"):
            given[said.name] = str(value) if said.type == "str" else float(value)
    colour = given.get("colour")
    if colour is not None and not COLOUR_PATTERN.fullmatch(str(colour)):
        raise InputError(f"a label's colour is {colour!r}")
    return Label(**given)


def _build_graph(listing: CircuitListing) -> Graph:
    shape = _read_shape(listing)
    if "sinks" not in listing.model_attributes:
        return graph_containing(shape, _feature_nodes(listing))
    known = {own.name for own in dataclasses.fields(Node)} - {"name", "kind"}
    nodes = []
    for name, told in listing.nodes.items():
        given: dict[str, Any] = {k: v for k, v in told.items() if k in known}
        if told.get("kind") not in list(NodeKind):
            raise InputError(f"the node '{name}' is of the kind {told.get('kind', 'none')!r}")
        check_node_fields({**given, "name": name, "kind": told["kind"]})
        nodes.append(Node(name, NodeKind(str(told["kind"])), **given))
    sinks = int(listing.model_attributes["sinks"])
    check_node_count(len(nodes), sinks)
    index = {node.name: i for i, node in enumerate(nodes)}
    mask = np.zeros((len(nodes) - sinks, len(nodes)), dtype=bool)
    for edge in listing.edges:
        s, r = index.get(edge.sender), index.get(edge.receiver)
        if s is None or r is None or s >= len(mask):
            raise InputError(f"the edge '{edge.sender}->{edge.receiver}' does not join nodes of the list")
        mask[s, r] = True
    return Graph.of_nodes(shape, tuple(nodes), mask, sinks)


def _feature_nodes(listing: CircuitListing) -> Iterator[Node]:
    """Features and errors that stand at no position, by their names: their sites are opened."""
    names = set(listing.nodes) | {n for e in listing.edges for n in (e.sender, e.receiver)}
    for name in names:
        if hit := FEATURE_PATTERN.match(name):
            bare, site, layer = hit["node"], hit["site"], int(hit["layer"])
            said = str(listing.nodes.get(bare, {}).get("dictionary", "")) or None
            if hit["feature"] is None:
                yield Node(bare, NodeKind.ERROR, layer, site=site)
            else:
                number = int(hit["feature"])
                yield Node(bare, NodeKind.FEATURE, layer, site=site, feature=number, dictionary=said)


def _unescape_listing(listing: CircuitListing) -> CircuitListing:
    """A file's listing with its names and texts as they were before they were written."""

    def read(value: Scalar) -> Scalar:
        return unescape_text(value) if isinstance(value, str) else value

    about = {key: read(value) for key, value in listing.model_attributes.items()}
    nodes = {
        unescape_text(name): {key: read(value) for key, value in told.items()}
        for name, told in listing.nodes.items()
    }
    edges = (
        dataclasses.replace(edge, sender=unescape_text(edge.sender), receiver=unescape_text(edge.receiver))
        if "\\" in edge.sender or "\\" in edge.receiver
        else edge
        for edge in listing.edges
    )
    return CircuitListing(about, nodes, tuple(edges))


def _read_shape(listing: CircuitListing) -> ModelShape:
    """The shape that a file says, or else the smallest model that has its nodes.

    Its width cannot be seen from nodes: one number per head is the least.
    """
    said = listing.model_attributes
    if {"n_layers", "n_heads", "d_model"} <= set(said):
        shape = ModelShape(
            int(said["n_layers"]),
            int(said["n_heads"]),
            int(said["d_model"]),
            int(said["n_kv_heads"]) if "n_kv_heads" in said else None,
            bool(said.get("parallel", False)),
            bool(said.get("mlp", True)),
        )
    else:
        shape = _smallest_shape({n for e in listing.edges for n in (e.sender, e.receiver)})
    check_shape(shape)
    return shape


def _smallest_shape(names: set[str]) -> ModelShape:
    found = [hit for hit in map(COMPONENT_PATTERN.match, names) if hit]
    parts = [hit for hit in map(FEATURE_PATTERN.match, names) if hit]
    layers = [int(hit["layer"] or hit["mlp"] or 0) for hit in found] + [int(hit["layer"]) for hit in parts]
    heads = [int(hit["head"]) for hit in found if hit["kind"] == "h"]
    shared = [int(hit["head"]) for hit in found if hit["kind"] == "kv"]
    n_heads = max(heads, default=0) + 1
    kv = max(shared) + 1 if shared else None
    if kv is not None:
        n_heads = kv * max(2, math.ceil(n_heads / kv))
    n_layers = max(layers, default=0) + 1
    mlp = any(hit["mlp"] for hit in found) or any(hit["site"] == "m" for hit in parts)
    return ModelShape(n_layers, n_heads, n_heads, kv, mlp=mlp)
