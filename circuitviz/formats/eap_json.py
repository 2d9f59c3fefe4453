"""Reading and writing of EAP-IG's and MIB's circuit JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.document import Document, State
from circuitviz.errors import InputError
from circuitviz.formats import attribution_graph
from circuitviz.formats.file_io import dump_json, parse_json, read_bytes, write_atomically
from circuitviz.formats.foreign_fields import apply_differences, foreign_differences
from circuitviz.formats.graph_limits import check_shape
from circuitviz.formats.registry import formats
from circuitviz.graph import BoolMatrix, Circuit, Graph, ModelShape, Scores
from circuitviz.graph.scores import IMPORTED_METHOD, POSITIVE_HELPS, SIGN_KEY

HEAD_RECEIVER_PATTERN = re.compile(r"a(\d+)\.h(\d+)<([qkv])>$")
SECTIONS = ("cfg", "nodes", "edges")
EXTRA_KEY = "eap-ig"  # key of the file's further fields in ``Document.extra``
LISTED_KEY = "listed"  # key of the edges equal to ``EMPTY_EDGE`` that an incomplete file lists
EMPTY_EDGE = {"score": 0.0, "in_graph": False}


class EapJsonFormat:
    """``{"cfg": ..., "nodes": ..., "edges": ...}``; further fields of a file are written back."""

    suffix = ".json"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit in EAP-IG's form, which has a key and a value receiver for each query head.

        A key-value receiver is repeated for each query head of its group, its score divided by the group's
        size (methods.md: Graph). Edges that the method was not asked to score are left out, unless they are
        in the circuit.
        """
        write_atomically(path, dump_json(describe_eap_ig(document)).encode())

    def read(self, path: Path) -> Document:
        """Read a circuit; repeated key-value receivers are summed back.

        Neuronpedia's downloads are named ``.json`` too: an attribution graph is read as one.
        """
        data = parse_json(path.name, read_bytes(path))
        if isinstance(data, dict) and {"nodes", "links"} <= set(data):
            return attribution_graph.read_attribution_graph(path.name, data)
        return parse_eap_ig(f"'{path.name}'", data)


formats.register("eap-ig", summary="EAP-IG and MIB circuit")(EapJsonFormat())


def describe_eap_ig(document: Document) -> dict[str, Any]:
    """A document's circuit in EAP-IG's form, with the further fields of the file that it came from.

    Raises:
        InputError: There is no circuit, or it is of features or by span.
    """
    extra = document.extra.get(EXTRA_KEY, {})
    sections = _document_sections(document)
    if LISTED_KEY in extra:  # an incomplete file: write the edges that it listed, and those in use
        listed = {name for name in extra[LISTED_KEY] if isinstance(name, str)}
        sections["edges"] = {
            name: entry for name, entry in sections["edges"].items() if entry != EMPTY_EDGE or name in listed
        }
    merged = {part: apply_differences(entries, extra.get(part, {})) for part, entries in sections.items()}
    return {**extra.get("rest", {}), **merged}


def parse_eap_ig(name: str, data: Any) -> Document:
    """The document of parsed JSON; repeated key-value receivers are summed back.

    Args:
        name: What the JSON is called in messages.
        data: An object with ``cfg``, ``nodes`` and ``edges``.

    Raises:
        InputError: It is no such object.
    """
    if not isinstance(data, dict) or not {"cfg", "edges"} <= set(data):
        raise InputError(f"{name} is no EAP-IG circuit: it needs the keys cfg, nodes and edges.")
    in_file = {part: data.get(part, {}) for part in SECTIONS}
    for part, entries in in_file.items():
        is_object = isinstance(entries, dict)
        if not is_object or (part != "cfg" and not all(isinstance(e, dict) for e in entries.values())):
            raise InputError(f"{name}: its {part} are not named entries, as EAP-IG writes them.")
    try:
        graph = _build_graph(in_file["cfg"], in_file["nodes"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name}: its cfg does not describe a model ({error}).") from None
    try:
        values, edges = _read_matrices(graph, in_file["edges"])
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"{name}: {error}") from None
    circuit = Circuit(graph, edges, int(edges.sum()))
    sign = in_file["cfg"].get(SIGN_KEY)
    info = {} if sign is None else {SIGN_KEY: str(sign)}
    scores = Scores(graph, values, IMPORTED_METHOD, info=info)
    document = Document(State(scores=scores, circuit=circuit))
    in_document = _document_sections(document, in_file["edges"])
    extra: dict[str, Any] = {part: foreign_differences(in_document[part], in_file[part]) for part in SECTIONS}
    extra["rest"] = {key: value for key, value in data.items() if key not in SECTIONS}
    document.extra = {EXTRA_KEY: {part: differences for part, differences in extra.items() if differences}}
    if len(in_document["edges"]) < _n_file_edges(graph):
        empty_edges = [name for name, entry in in_document["edges"].items() if entry == EMPTY_EDGE]
        document.extra[EXTRA_KEY][LISTED_KEY] = [name for name in empty_edges if name in in_file["edges"]]
    return document


def _n_file_edges(graph: Graph) -> int:
    """Number of entries in a file that lists every edge."""
    heads = [len(_head_receivers(graph, receiver)) for receiver in graph.receivers]
    return int(graph.mask.sum(0) @ np.array(heads))


def _document_sections(document: Document, listed: Container[str] | None = None) -> dict[str, dict[str, Any]]:
    """``cfg``, ``nodes`` and ``edges`` of the document's circuit; with ``listed``, only these edges."""
    circuit, scores = document.state.live_circuit, document.state.scores
    if circuit is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph = circuit.graph
    shape = graph.shape
    if not graph.same_as(Graph.transformer(shape)):
        raise InputError(
            "EAP-IG's format holds heads and MLPs at all positions; this circuit is "
            f"{'by span' if graph.spans else 'of features'}, for which .graph.json, .graphml, .dot or .csv "
            "would be right."
        )
    values = scores.values if scores is not None else np.zeros(graph.mask.shape)
    inside = set(circuit.node_names) | {"logits"}
    edges: dict[str, Any] = {}
    heads = [_head_receivers(graph, receiver) for receiver in graph.receivers]
    for s, r in np.argwhere(graph.mask).tolist():
        in_graph = bool(circuit.edges[s, r])
        score = float(values[s, r]) / len(heads[r])
        names = [f"{graph.senders[s]}->{head}" for head in heads[r]]
        is_known = in_graph or scores is None or scores.score_of((s, r)) is not None
        if is_known if listed is None else any(name in listed for name in names):
            edges |= {name: {"score": score, "in_graph": in_graph} for name in names}
    cfg: dict[str, Any] = {
        "n_layers": shape.n_layers,
        "n_heads": shape.n_heads,
        "parallel_attn_mlp": shape.parallel,
        "d_model": shape.d_model,
        **({"n_key_value_heads": shape.kv_heads} if shape.has_grouped_queries else {}),
        **({} if shape.mlp else {"attn_only": True}),
        **({SIGN_KEY: POSITIVE_HELPS} if scores is not None and scores.sign_known else {}),
    }
    nodes = {node.name: {"in_graph": node.name in inside} for node in graph.nodes}
    return {"cfg": cfg, "nodes": nodes, "edges": edges}


def _read_matrices(graph: Graph, edges: dict[str, Any]) -> tuple[np.ndarray[Any, Any], BoolMatrix]:
    """Scores and membership, [senders, receivers] each; a score that is not finite counts as 0."""
    values, in_graph = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
    for name, entry in edges.items():
        s, r = graph.edge(_graph_edge_name(graph, name))
        file_score = entry.get("score")
        if not isinstance(file_score, int | float | None):
            raise InputError(f"the edge '{name}' has the score {file_score!r}; a number would be right.")
        score = float(file_score or 0.0)
        if math.isfinite(score):
            values[s, r] += score
        in_graph[s, r] |= entry.get("in_graph") is True
    return values, in_graph


def _head_receivers(graph: Graph, receiver: str) -> list[str]:
    if ".kv" not in receiver:
        return [receiver]
    nodes = np.flatnonzero(graph.owners[graph.receiver_index[receiver]])
    return [f"{graph.nodes[n].name}<{receiver[-2]}>" for n in nodes]


def _graph_edge_name(graph: Graph, edge: str) -> str:
    sender, _, receiver = edge.partition("->")
    match = HEAD_RECEIVER_PATTERN.match(receiver)
    if graph.shape.has_grouped_queries and match and match[3] != "q":
        receiver = f"a{match[1]}.kv{int(match[2]) // graph.shape.queries_per_kv_head}<{match[3]}>"
    return f"{sender}->{receiver}"


def _build_graph(cfg: dict[str, Any], nodes: dict[str, Any]) -> Graph:
    heads = int(cfg["n_heads"])
    grouped = int(cfg.get("n_key_value_heads") or heads)
    mlp = not cfg.get("attn_only") and (not nodes or "m0" in nodes)
    shape = ModelShape(
        int(cfg["n_layers"]),
        heads,
        int(cfg["d_model"]),
        grouped if grouped != heads else None,
        bool(cfg.get("parallel_attn_mlp")),
        mlp,
    )
    check_shape(shape)
    return Graph.transformer(shape)
