"""A circuit as lists of nodes and edges with scalar attributes, for CSV, GraphML and DOT."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from circuitviz.document import Document, Label, State
from circuitviz.errors import InputError
from circuitviz.formats.file_io import parse_json
from circuitviz.formats.graph_limits import check_node_count, check_node_fields, check_shape
from circuitviz.formats.label_rows import check_colour
from circuitviz.formats.parts.positions import parse_position
from circuitviz.formats.text_escapes import escape_text, unescape_text
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.graph.feature_sites import feature_sites, graph_containing
from circuitviz.graph.names import channel_of
from circuitviz.graph.scores import IMPORTED_METHOD, POSITIVE_HELPS, SIGN_KEY
from circuitviz.graph.spans import PromptSpans

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
    r"(?P<node>(?P<site>[amr])(?P<layer>\d+)\.(?:f(?P<feature>\d+)|error))(?:<[qkv]>)?$"
)
COMPONENT_PATTERN = re.compile(r"(?:a(?P<layer>\d+)\.(?P<kind>h|kv)(?P<head>\d+)(?:<[qkv]>)?|m(?P<mlp>\d+))$")
SPANS_KEY, MAX_SPANS_BYTES = "spans", 2**20
LABEL_KEYS = {"text": "label"}


@dataclass(frozen=True)
class ListedEdge:
    """An edge of a listing.

    Attributes:
        sender: Name of the sender.
        receiver: Name of the receiver.
        owners: Names of the nodes that the receiver belongs to.
        score: Its score; None where its method was not asked for it.
        ablated: Whether the edge itself is ablated.
        live: Whether it is part of the circuit without ablated nodes and edges.
    """

    sender: str
    receiver: str
    owners: tuple[str, ...]
    score: float | None
    ablated: bool = False
    live: bool = True

    @property
    def ablation_attrs(self) -> dict[str, Scalar]:
        """``ablated`` and ``live`` as attributes, where they differ from their defaults."""
        return {**({"ablated": True} if self.ablated else {}), **({} if self.live else {"live": False})}

    @property
    def channel(self) -> str:
        """``q``, ``k``, ``v``, or empty."""
        return channel_of(self.receiver)


@dataclass(frozen=True)
class CircuitListing:
    """A circuit as lists of nodes, by name, and edges, by sender, in which ablated ones are marked.

    Attributes:
        model_attributes: Shape of the model, method and sign of the scores.
        nodes: Attributes by node name.
        edges: The edges, ordered by sender.
    """

    model_attributes: Mapping[str, Scalar] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    edges: tuple[ListedEdge, ...] = ()


def list_circuit(document: Document) -> CircuitListing:
    """List the circuit of a document, with ablated nodes and edges marked.

    Raises:
        InputError: The document has no circuit.
    """
    state, circuit, live = document.state, document.state.circuit, document.state.live_circuit
    if circuit is None or live is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, scores = circuit.graph, state.scores
    edges = []
    escaped = {name: escape_text(name) for name in graph.node_index}
    listed = set(circuit.node_names) | (state.ablated_nodes & set(graph.node_index))
    if not is_model_graph(graph):
        listed.update(node.name for node in graph.nodes[-graph.sinks :])
    for s, r in np.argwhere(circuit.edges):
        owners = [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        listed_owners = tuple(name for name in owners if name in listed) or tuple(owners)
        listed.update(listed_owners)
        score = scores.score_of((int(s), int(r))) if scores is not None else 0.0
        is_ablated_edge = graph.edge_name(s, r) in state.ablated_edges
        ends = escaped[graph.senders[s]], escape_text(graph.receivers[r])
        escaped_owners = tuple(escaped[name] for name in listed_owners)
        edges.append(ListedEdge(*ends, escaped_owners, score, is_ablated_edge, bool(live.edges[s, r])))
    nodes = {escaped[node.name]: _node_attributes(node, state) for node in graph.nodes if node.name in listed}
    attributes: dict[str, Scalar] = {
        k: v for k, v in dataclasses.asdict(graph.shape).items() if v is not None
    }
    if scores is not None:
        attributes["method"] = escape_text(scores.method)
        if scores.sign_known:
            attributes[SIGN_KEY] = POSITIVE_HELPS
    if not is_model_graph(graph):
        attributes["sinks"] = graph.sinks
    if graph.spans is not None:
        attributes[SPANS_KEY] = escape_text(json.dumps(graph.spans.to_json, ensure_ascii=False))
    return CircuitListing(attributes, nodes, tuple(edges))


def build_document(listing: CircuitListing) -> Document:
    """Build a document from a listing.

    Raises:
        InputError: The listing is inconsistent; the message is half a sentence.
    """
    listing = _unescape_listing(listing)
    graph = _build_graph(listing)
    values, is_chosen = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
    for edge in listing.edges:
        s, r = graph.edge(f"{edge.sender}->{edge.receiver}")
        values[s, r], is_chosen[s, r] = 0.0 if edge.score is None else edge.score, True
    if not np.isfinite(values).all():
        raise InputError("a score is not a number")
    labels, positions, ablated_nodes = {}, {}, set()
    info: dict[str, Any] = {}
    for name, attributes in listing.nodes.items():
        if name not in graph.node_index:
            raise InputError(f"the node '{name}' is none of the model's")
        if any(key == "label" or key.startswith("label_") for key in attributes):
            labels[name] = _parse_label(attributes)
        if is_ablated(attributes):
            ablated_nodes.add(name)
        for key, attribute in NODE_VALUE_KEYS.items():
            if attribute in attributes and graph.is_of_prompt and math.isfinite(float(attributes[attribute])):
                info.setdefault(key, {})[name] = float(attributes[attribute])
        if "x" in attributes and "y" in attributes:
            positions[name] = parse_position([float(attributes["x"]), float(attributes["y"])])
    sign = listing.model_attributes.get(SIGN_KEY)
    info |= {} if sign is None else {SIGN_KEY: str(sign)}
    scores = Scores(graph, values, str(listing.model_attributes.get("method", IMPORTED_METHOD)), info=info)
    circuit = Circuit(graph, is_chosen, int(is_chosen.sum()))
    edges = frozenset(f"{edge.sender}->{edge.receiver}" for edge in listing.edges if edge.ablated)
    state = State(None, scores, circuit, frozenset(ablated_nodes), edges, labels=labels, positions=positions)
    return Document(state)


def is_ablated(attributes: Mapping[str, Any]) -> bool:
    """Whether attributes mark a node or an edge as ablated; other tools may write any text."""
    return str(attributes.get("ablated", False)).strip().lower() in ("true", "1", "yes")


def parse_attribute(key: str, text: str) -> Scalar:
    """Parse an attribute's text to the type of its key.

    Raises:
        InputError: A number is expected and the text is none.
    """
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
    """Whether a graph is a model's, also by span or with sites shown as features: its edges need no list."""
    return graph.spans is not None or is_transformer_graph(graph) or bool(feature_sites(graph))


def _node_attributes(node: Node, state: State) -> dict[str, Scalar]:
    """A node's fields, values, label and position as attributes, without empty ones."""
    attributes: dict[str, Scalar] = {"kind": str(node.kind)}
    for node_field in dataclasses.fields(node):
        value = getattr(node, node_field.name)
        if node_field.name not in ("name", "kind") and value is not None and value != "":
            attributes[node_field.name] = escape_text(value) if isinstance(value, str) else value
    if node.name in state.ablated_nodes:
        attributes["ablated"] = True
    if node.position is not None and state.scores is not None:
        for key, attribute in NODE_VALUE_KEYS.items():
            value = state.scores.info.get(key, {}).get(node.name)
            if isinstance(value, int | float) and math.isfinite(value):
                attributes[attribute] = float(value)
    label = state.labels.get(node.name)
    for label_field in dataclasses.fields(Label) if label else ():
        value = getattr(label, label_field.name)
        key = LABEL_KEYS.get(label_field.name, f"label_{label_field.name}")
        if isinstance(value, str) and value:
            attributes[key] = escape_text(value)
        elif isinstance(value, int | float):
            attributes[key] = float(value)
    if node.name in state.positions:
        attributes["x"], attributes["y"] = map(float, state.positions[node.name])
    return attributes


def _parse_label(attributes: Mapping[str, Scalar]) -> Label:
    values: dict[str, Any] = {}
    for label_field in dataclasses.fields(Label):
        value = attributes.get(
            LABEL_KEYS.get(label_field.name, f"label_{label_field.name}"),
            "" if label_field.name == "text" else None,
        )
        if value is not None and label_field.type in ("str", "float", "float | None"):
            values[label_field.name] = str(value) if label_field.type == "str" else float(value)
    check_colour(values.get("colour", ""))
    return Label(**values)


def _build_graph(listing: CircuitListing) -> Graph:
    shape = _read_shape(listing)
    if SPANS_KEY in listing.model_attributes:
        spans = parse_json(SPANS_KEY, str(listing.model_attributes[SPANS_KEY]).encode(), MAX_SPANS_BYTES)
        return Graph.transformer(shape).with_spans(PromptSpans.from_json(spans))
    if "sinks" not in listing.model_attributes:
        return graph_containing(shape, _feature_nodes(listing))
    field_names = {node_field.name for node_field in dataclasses.fields(Node)} - {"name", "kind"}
    nodes = []
    for name, attributes in listing.nodes.items():
        values: dict[str, Any] = {k: v for k, v in attributes.items() if k in field_names}
        if attributes.get("kind") not in list(NodeKind):
            raise InputError(f"the node '{name}' is of the kind {attributes.get('kind', 'none')!r}")
        check_node_fields({**values, "name": name, "kind": attributes["kind"]})
        nodes.append(Node(name, NodeKind(str(attributes["kind"])), **values))
    sinks = int(listing.model_attributes["sinks"])
    check_node_count(len(nodes), sinks)
    index = {node.name: i for i, node in enumerate(nodes)}
    masks = {c: np.zeros((len(nodes) - sinks, len(nodes)), dtype=bool) for c in ("", "q", "k")}
    for edge in listing.edges:
        channel = edge.channel if edge.receiver not in index and edge.channel in masks else ""
        s, r = index.get(edge.sender), index.get(edge.receiver[:-3] if channel else edge.receiver)
        if s is None or r is None or s >= len(masks[""]):
            raise InputError(f"the edge '{edge.sender}->{edge.receiver}' does not join nodes of the list")
        masks[channel][s, r] = True
    return Graph.of_nodes(shape, tuple(nodes), masks.pop(""), sinks, masks)


def _feature_nodes(listing: CircuitListing) -> Iterator[Node]:
    """Features and errors without position, parsed from their names."""
    names = set(listing.nodes) | {n for e in listing.edges for n in (e.sender, e.receiver)}
    for name in names:
        if match := FEATURE_PATTERN.match(name):
            owner, site, layer = match["node"], match["site"], int(match["layer"])
            dictionary = str(listing.nodes.get(owner, {}).get("dictionary", "")) or None
            if match["feature"] is None:
                yield Node(owner, NodeKind.ERROR, layer, site=site)
            else:
                number = int(match["feature"])
                yield Node(owner, NodeKind.FEATURE, layer, site=site, feature=number, dictionary=dictionary)


def _unescape_listing(listing: CircuitListing) -> CircuitListing:
    """A listing with all names and texts unescaped."""

    def unescape(value: Scalar) -> Scalar:
        return unescape_text(value) if isinstance(value, str) else value

    model_attributes = {key: unescape(value) for key, value in listing.model_attributes.items()}
    nodes = {
        unescape_text(name): {key: unescape(value) for key, value in attributes.items()}
        for name, attributes in listing.nodes.items()
    }
    edges = (
        dataclasses.replace(edge, sender=unescape_text(edge.sender), receiver=unescape_text(edge.receiver))
        if "\\" in edge.sender or "\\" in edge.receiver
        else edge
        for edge in listing.edges
    )
    return CircuitListing(model_attributes, nodes, tuple(edges))


def _read_shape(listing: CircuitListing) -> ModelShape:
    """The shape in the file, or else the smallest model that has its nodes; its width is then ``n_heads``."""
    attributes = listing.model_attributes
    if {"n_layers", "n_heads", "d_model"} <= set(attributes):
        shape = ModelShape(
            int(attributes["n_layers"]),
            int(attributes["n_heads"]),
            int(attributes["d_model"]),
            int(attributes["n_kv_heads"]) if "n_kv_heads" in attributes else None,
            bool(attributes.get("parallel", False)),
            bool(attributes.get("mlp", True)),
        )
    else:
        shape = _smallest_shape({n for e in listing.edges for n in (e.sender, e.receiver)})
    check_shape(shape)
    return shape


def _smallest_shape(names: set[str]) -> ModelShape:
    components = [hit for hit in map(COMPONENT_PATTERN.match, names) if hit]
    features = [hit for hit in map(FEATURE_PATTERN.match, names) if hit]
    layers = [int(hit["layer"] or hit["mlp"] or 0) for hit in components] + [
        max(0, int(hit["layer"]) - (hit["site"] == "r")) for hit in features
    ]
    heads = [int(hit["head"]) for hit in components if hit["kind"] == "h"]
    kv_heads = [int(hit["head"]) for hit in components if hit["kind"] == "kv"]
    n_heads = max(heads, default=0) + 1
    n_kv_heads = max(kv_heads) + 1 if kv_heads else None
    if n_kv_heads is not None:
        n_heads = n_kv_heads * max(2, math.ceil(n_heads / n_kv_heads))
    n_layers = max(layers, default=0) + 1
    mlp = any(hit["mlp"] for hit in components) or any(hit["site"] == "m" for hit in features)
    return ModelShape(n_layers, n_heads, n_heads, n_kv_heads, mlp=mlp)
