"""Writing of a document's circuit as an attribution graph for circuit-tracer and Neuronpedia.

The schemas are circuit-tracer's pydantic models (``frontend/graph_models.py``) and Neuronpedia's
``graph-schema.json``. Further fields of the file that a document was read from are written back
(``formats.foreign_fields``).
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
from circuitviz.formats.attribution_nodes import OWN_KEY, node_entry
from circuitviz.formats.attribution_qparams import LabelOverrides, QParams
from circuitviz.formats.attribution_values import (
    INFO_NUMBERS,
    INFO_TABLES,
    is_finite_number,
    most_likely_logit,
)
from circuitviz.formats.circuit_listing import is_model_graph
from circuitviz.formats.foreign_fields import apply_differences
from circuitviz.graph import Graph, NodeKind
from circuitviz.graph.names import display_name
from circuitviz.graph.scores import POSITIVE_HELPS, SIGN_KEY
from circuitviz.versions import package_version

EXTRA_KEY = "attribution-graph"  # key of a foreign file's further fields in ``Document.extra``
EntriesByName = dict[str, dict[str, Any]]


def to_attribution_json(document: Document) -> dict[str, Any]:
    """The JSON of a document's circuit.

    Raises:
        InputError: The document has no circuit.
    """
    entries, links = document_entries(document)
    extra = _foreign_extra(document)
    nodes = apply_differences(entries, {k: v for k, v in extra.get("nodes", {}).items() if k in entries})
    nodes = {name: _with_required_fields(node, entries.get(name, {})) for name, node in nodes.items()}
    ids = {name: raw["node_id"] for name, raw in nodes.items()}
    file_links = apply_differences(
        with_file_ids(links, ids), {k: v for k, v in extra.get("links", {}).items() if k in links}
    )
    removed_ids = set(map(str, extra.get("ids", ()))) - set(map(str, ids.values()))
    unmatched = [x for x in extra.get("loose", ()) if not {str(x["source"]), str(x["target"])} & removed_ids]
    params = QParams.to_qparams(extra.get("view"), document.state.groups, ids, _selected_node(document))
    params = LabelOverrides.apply_to_qparams(extra.get("overrides"), params, document.state.labels)
    metadata, file_metadata = _build_metadata(document), extra.get("metadata")
    if file_metadata:
        own_fields = {OWN_KEY: metadata[OWN_KEY]} if OWN_KEY in file_metadata else {}
        metadata = {**{k: metadata[k] for k in REQUIRED_METADATA}, **file_metadata, **own_fields}
    return {
        **extra.get("rest", {}),
        "metadata": metadata,
        "qParams": params,
        "nodes": _in_file_order(nodes, extra.get("node_order", ())),
        "links": [*_in_file_order(file_links, extra.get("link_order", ())), *unmatched],
    }


# fields that one of the two schemas requires and a foreign file may lack
REQUIRED_METADATA = ("slug", "scan", "prompt", "prompt_tokens", "transcoder_list")
FIELD_TYPES = {"feature": int, "layer": str, "jsNodeId": str, "clerp": str}


def _with_required_fields(node: dict[str, Any], own_entry: dict[str, Any]) -> dict[str, Any]:
    """A foreign node with the fields in ``FIELD_TYPES`` that it lacks."""
    replaced = {
        k: own_entry[k]
        for k, field_type in FIELD_TYPES.items()
        if k in own_entry and not isinstance(node.get(k), field_type)
    }
    return {**node, **replaced}


def document_entries(document: Document) -> tuple[EntriesByName, EntriesByName]:
    """Nodes and links of the document's circuit, without a foreign file's fields; links have node names."""
    state, circuit, live = document.state, document.state.circuit, document.state.live_circuit
    if circuit is None or live is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph, scores = circuit.graph, state.scores
    of_heads = is_model_graph(graph)
    listed_names = set(circuit.node_names) | {node.name for node in graph.nodes[-graph.sinks :]}
    listed_names |= state.ablated_nodes & set(graph.node_index)
    if not of_heads:  # tokens are always there
        listed_names |= {node.name for node in graph.nodes if node.kind is NodeKind.TOKEN}
    links: EntriesByName = {}
    owners_by_receiver = {
        r: [graph.nodes[n].name for n in np.flatnonzero(graph.owners[r])]
        for r in np.flatnonzero(circuit.edges.any(axis=0)).tolist()
    }
    for s, r in np.argwhere(circuit.edges).tolist():
        if not of_heads and graph.channel(r):
            continue  # the format has one link between two nodes, of which patterns are held
        owners = owners_by_receiver[r]
        owner = next((name for name in owners if name in listed_names), owners[0] if of_heads else None)
        if owner is None:
            continue
        listed_names.add(owner)
        name = graph.edge_name(s, r)
        weight = float(scores.values[s, r]) if scores is not None else 0.0
        link = {"source": graph.senders[s], "target": owner, "weight": weight}
        ablation_fields = {"ablated": True} if name in state.ablated_edges else {}
        ablation_fields |= {} if live.edges[s, r] else {"live": False}
        link |= {OWN_KEY: ablation_fields} if ablation_fields else {}
        links[name] = {**link, "edge": name} if of_heads else link
    info = {} if scores is None else scores.info
    logits = [n.name for n in graph.nodes if n.kind is NodeKind.LOGITS and n.name in listed_names]
    target_logit = most_likely_logit(logits, info)
    return {
        n.name: node_entry(n, state, info, n.name == target_logit)
        for n in graph.nodes
        if n.name in listed_names
    }, links


def with_file_ids(links: EntriesByName, ids: dict[str, Any]) -> EntriesByName:
    """Links with the file's ids in place of node names."""
    ends = ("source", "target")
    return {name: {**link, **{end: ids[link[end]] for end in ends}} for name, link in links.items()}


def _foreign_extra(document: Document) -> dict[str, Any]:
    """Further fields of the document's file; empty where the circuit has been replaced."""
    extra: dict[str, Any] = document.extra.get(EXTRA_KEY, {})
    circuit = document.state.circuit
    return extra if circuit and set(circuit.node_names) <= set(extra.get("node_order", ())) else {}


def _selected_node(document: Document) -> str:
    """Name of the selected node; empty unless exactly one is."""
    selected = document.view.get("selected")
    nodes = selected.get("nodes") if isinstance(selected, dict) else None
    return str(nodes[0]) if isinstance(nodes, list) and len(nodes) == 1 else ""


def _build_metadata(document: Document) -> dict[str, Any]:
    """Metadata of the graph; local paths of model and dictionaries are cut to their last part."""
    state, origin = document.state, document.state.origin
    assert state.circuit is not None
    graph, info = state.circuit.graph, {} if state.scores is None else state.scores.info
    tokens = _prompt_tokens(state, graph)
    metadata: dict[str, Any] = {
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
            "graph": "model" if is_model_graph(graph) else "nodes",
            **({} if graph.spans is None else {"spans": graph.spans.to_json}),
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
        metadata |= {
            "node_threshold": query.node_share,
            "generation_settings": {"max_feature_nodes": query.rows},
            "pruning_settings": shares,
        }
    return metadata


def _prompt_tokens(state: State, graph: Graph) -> list[str]:
    """The prompt's tokens; for a circuit of heads, whose nodes have no position, the prompt as one token."""
    origin, info = state.origin, {} if state.scores is None else state.scores.info
    run = info.get("prompt")
    strings = list(run.get("strings") or ()) if isinstance(run, dict) else []
    if strings:
        return [str(token) for token in strings]
    if is_model_graph(graph):
        return [origin.pairs[0][0] if origin and origin.pairs else ""]
    tokens = [""] * (max((node.position or 0 for node in graph.nodes), default=0) + 1)
    for node in graph.nodes:
        if node.position is not None and node.name in state.labels and node.kind is NodeKind.TOKEN:
            tokens[node.position] = state.labels[node.name].text
    return tokens


def _dictionary_names(graph: Graph) -> list[str]:
    """Names of the features' dictionaries, by layer."""
    names: dict[str, None] = {}
    for node in sorted(graph.nodes, key=lambda node: node.depth):
        if node.kind is NodeKind.FEATURE and node.dictionary:
            names[PurePath(node.dictionary).name] = None
    return list(names)


def _creation_time(origin: Origin | None) -> dict[str, int]:
    """When the circuit was computed, in milliseconds since 1970; empty where unknown."""
    try:
        seconds = datetime.fromisoformat(origin.created if origin else "").timestamp()
    except (ValueError, OverflowError, OSError):
        return {}
    return {"create_time_ms": round(1000 * seconds)}


def _in_file_order(entries: dict[str, Any], order: Any) -> list[Any]:
    """Entries in the file's order, followed by those that it did not have."""
    index = {name: i for i, name in enumerate(order)}
    return [entries[name] for name in sorted(entries, key=lambda n: index.get(n, len(index)))]
