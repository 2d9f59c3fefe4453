"""A document's circuit as an attribution graph that circuit-tracer and Neuronpedia take.

Their rules: circuit-tracer's pydantic models (``frontend/graph_models.py``) and Neuronpedia's
``graph-schema.json``. What a foreign file said beyond a document is written back (``formats.kept``).
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import PurePath
from typing import Any

import numpy as np

from circuitviz.document import Document, State
from circuitviz.document.origin import Origin, PromptOrigin
from circuitviz.errors import InputError
from circuitviz.formats.attribution_nodes import OWN_KEY, is_head_graph, node_entry
from circuitviz.formats.attribution_qparams import LabelOverrides, QParams
from circuitviz.formats.attribution_values import (
    INFO_NUMBERS,
    INFO_TABLES,
    is_finite_number,
    most_likely_logit,
)
from circuitviz.formats.foreign_fields import apply_differences
from circuitviz.graph import Graph, NodeKind
from circuitviz.graph.names import display_name
from circuitviz.graph.scores import POSITIVE_HELPS, SIGN_KEY
from circuitviz.versions import package_version

EXTRA_KEY = "attribution-graph"  # what of a foreign file a document keeps in ``extra``
EntriesByName = dict[str, dict[str, Any]]


def to_attribution_json(document: Document) -> dict[str, Any]:
    """The JSON of a document's circuit; InputError where it has none."""
    ours, links = document_entries(document)
    kept = _foreign_extra(document)
    nodes = apply_differences(ours, {k: v for k, v in kept.get("nodes", {}).items() if k in ours})
    nodes = {name: _with_required_fields(node, ours.get(name, {})) for name, node in nodes.items()}
    ids = {name: raw["node_id"] for name, raw in nodes.items()}
    joined = apply_differences(
        with_file_ids(links, ids), {k: v for k, v in kept.get("links", {}).items() if k in links}
    )
    gone = set(map(str, kept.get("ids", ()))) - set(map(str, ids.values()))
    loose = [x for x in kept.get("loose", ()) if not {str(x["source"]), str(x["target"])} & gone]
    params = QParams.to_qparams(kept.get("view"), document.state.groups, ids, _selected_node(document))
    params = LabelOverrides.apply_to_qparams(kept.get("overrides"), params, document.state.labels)
    metadata = kept.get("metadata")
    made = _build_metadata(document)
    if metadata:
        now = {OWN_KEY: made[OWN_KEY]} if OWN_KEY in metadata else {}
        made = {**{k: made[k] for k in REQUIRED_METADATA}, **metadata, **now}
    return {
        **kept.get("rest", {}),
        "metadata": made,
        "qParams": params,
        "nodes": _in_file_order(nodes, kept.get("node_order", ())),
        "links": [*_in_file_order(joined, kept.get("link_order", ())), *loose],
    }


REQUIRED_METADATA = (
    "slug",
    "scan",
    "prompt",
    "prompt_tokens",
    "transcoder_list",
)  # by one of the two schemas
FIELD_TYPES = {
    "feature": int,
    "layer": str,
    "jsNodeId": str,
    "clerp": str,
}  # which a foreign file may leave out


def _with_required_fields(node: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """A foreign node with what one of the two schemas needs and the other lets be otherwise."""
    wrong = {
        k: ours[k] for k, right in FIELD_TYPES.items() if k in ours and not isinstance(node.get(k), right)
    }
    return {**node, **wrong}


def document_entries(document: Document) -> tuple[EntriesByName, EntriesByName]:
    """Nodes and links as the document itself says them; links name nodes by our names."""
    state, circuit, live = document.state, document.state.circuit, document.state.live_circuit
    if circuit is None or live is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, scores = circuit.graph, state.scores
    heads = is_head_graph(graph)
    drawn = set(circuit.node_names) | {node.name for node in graph.nodes[-graph.sinks :]}
    drawn |= state.ablated_nodes & set(graph.node_index)
    if not heads:  # tokens are always there
        drawn |= {node.name for node in graph.nodes if node.kind is NodeKind.TOKEN}
    links: EntriesByName = {}
    owned = {
        r: [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        for r in np.flatnonzero(circuit.edges.any(axis=0)).tolist()
    }
    for s, r in np.argwhere(circuit.edges).tolist():
        owners = owned[r]
        owner = next((name for name in owners if name in drawn), owners[0] if heads else None)
        if owner is None:
            continue
        drawn.add(owner)
        name = graph.edge_name(s, r)
        weight = float(scores.values[s, r]) if scores is not None else 0.0
        link = {"source": graph.senders[s], "target": owner, "weight": weight}
        fate = {"ablated": True} if name in state.ablated_edges else {}
        fate |= {} if live.edges[s, r] else {"live": False}
        link |= {OWN_KEY: fate} if fate else {}
        links[name] = {**link, "edge": name} if heads else link
    info = {} if scores is None else scores.info
    logits = [n.name for n in graph.nodes if n.kind is NodeKind.LOGITS and n.name in drawn]
    first = most_likely_logit(logits, info)
    return {
        n.name: node_entry(n, state, info, n.name == first) for n in graph.nodes if n.name in drawn
    }, links


def with_file_ids(links: EntriesByName, ids: dict[str, Any]) -> EntriesByName:
    """Links that name their ends as the file does."""
    ends = ("source", "target")
    return {name: {**link, **{end: ids[link[end]] for end in ends}} for name, link in links.items()}


def _foreign_extra(document: Document) -> dict[str, Any]:
    """What a file said beyond the document; nothing where another circuit has taken its place."""
    kept: dict[str, Any] = document.extra.get(EXTRA_KEY, {})
    circuit = document.state.circuit
    return kept if circuit and set(circuit.node_names) <= set(kept.get("node_order", ())) else {}


def _selected_node(document: Document) -> str:
    """The one node that is selected, as far as the document keeps that."""
    chosen = document.view.get("selected")
    nodes = chosen.get("nodes") if isinstance(chosen, dict) else None
    return str(nodes[0]) if isinstance(nodes, list) and len(nodes) == 1 else ""


def _build_metadata(document: Document) -> dict[str, Any]:
    """What is known of the whole graph; a model's and dictionaries' folders by their last part."""
    state, origin = document.state, document.state.origin
    assert state.circuit is not None
    graph, info = state.circuit.graph, {} if state.scores is None else state.scores.info
    tokens = _prompt_tokens(state, graph)
    made: dict[str, Any] = {
        "slug": document.path.stem if document.path else "circuit",
        "scan": PurePath(display_name(origin.model)).name if origin else "",
        "transcoder_list": _dictionary_names(graph),
        "prompt": origin.pairs[0][0] if origin and origin.pairs else "".join(tokens),
        "prompt_tokens": tokens,
        "schema_version": 1,
        "info": {
            "generator": {"name": "circuitviz", "version": package_version("circuitviz")},
            **_creation_time(origin),
        },
        OWN_KEY: {
            "shape": dataclasses.asdict(graph.shape),
            "graph": "model" if is_head_graph(graph) else "nodes",
            "method": state.scores.method if state.scores else "",
            **({SIGN_KEY: POSITIVE_HELPS} if state.scores and state.scores.sign_known else {}),
            "info": {
                key: value
                for key, value in info.items()
                if (key in INFO_TABLES and isinstance(value, dict))
                or (key in INFO_NUMBERS and is_finite_number(value))
            },
            "groups": {
                name: {"colour": group.colour, "collapsed": group.collapsed}
                for name, group in state.groups.items()
            },
        },
    }
    if isinstance(origin, PromptOrigin) and origin.query.is_graph:
        query = origin.query
        shares = {"node_threshold": query.node_share, "edge_threshold": query.edge_share}
        made |= {
            "node_threshold": query.node_share,
            "generation_settings": {"max_feature_nodes": query.rows},
            "pruning_settings": shares,
        }
    return made


def _prompt_tokens(state: State, graph: Graph) -> list[str]:
    """The prompt's tokens; of a circuit of heads, whose nodes stand at no position, the prompt as one."""
    origin, info = state.origin, {} if state.scores is None else state.scores.info
    run = info.get("prompt")
    strings = list(run.get("strings") or ()) if isinstance(run, dict) else []
    if strings:
        return [str(word) for word in strings]
    if is_head_graph(graph):
        return [origin.pairs[0][0] if origin and origin.pairs else ""]
    tokens = [""] * (max((node.position or 0 for node in graph.nodes), default=0) + 1)
    for node in graph.nodes:
        if node.position is not None and node.name in state.labels and node.kind is NodeKind.TOKEN:
            tokens[node.position] = state.labels[node.name].text
    return tokens


def _dictionary_names(graph: Graph) -> list[str]:
    """The dictionaries that features come from, in order of layers."""
    found: dict[str, None] = {}
    for node in sorted(graph.nodes, key=lambda node: node.depth):
        if node.kind is NodeKind.FEATURE and node.dictionary:
            found[PurePath(node.dictionary).name] = None
    return list(found)


def _creation_time(origin: Origin | None) -> dict[str, int]:
    """When the circuit was found, in milliseconds since 1970."""
    try:
        seconds = datetime.fromisoformat(origin.created if origin else "").timestamp()
    except (ValueError, OverflowError, OSError):
        return {}
    return {"create_time_ms": round(1000 * seconds)}


def _in_file_order(entries: dict[str, Any], order: Any) -> list[Any]:
    """In a file's own order; what it did not have comes after."""
    place = {name: i for i, name in enumerate(order)}
    return [entries[name] for name in sorted(entries, key=lambda n: place.get(n, len(place)))]
