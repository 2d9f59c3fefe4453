"""EAP-IG's and MIB's circuit JSON, in and out, so that circuits travel between the tools."""

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
EXTRA_KEY = "eap-ig"  # what of such a file a document keeps in ``extra``
LISTED_KEY = "listed"  # there, where the file leaves edges out: those of ``NOTHING`` that it lists
EMPTY_EDGE = {"score": 0.0, "in_graph": False}


class EapJsonFormat:
    """``{"cfg": ..., "nodes": ..., "edges": ...}``; whatever else a file says is written back."""

    suffix = ".json"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit in EAP-IG's form, which has a key and a value receiver for each query head.

        A key-value receiver is repeated for each query head of its group, its score divided by the group's
        size (methods.md: Graph).
        """
        kept = document.extra.get(EXTRA_KEY, {})
        ours = _document_sections(document)
        if (
            LISTED_KEY in kept
        ):  # the file left edges out: those that it lists stay, and those that say something
            listed = {name for name in kept[LISTED_KEY] if isinstance(name, str)}
            ours["edges"] = {
                name: entry for name, entry in ours["edges"].items() if entry != EMPTY_EDGE or name in listed
            }
        made = {part: apply_differences(entries, kept.get(part, {})) for part, entries in ours.items()}
        write_atomically(path, dump_json({**kept.get("rest", {}), **made}).encode())

    def read(self, path: Path) -> Document:
        """Read a circuit; repeated key-value receivers are summed back.

        Neuronpedia's downloads are named ``.json`` too: an attribution graph is read as one.
        """
        data = parse_json(path.name, read_bytes(path))
        if isinstance(data, dict) and {"nodes", "links"} <= set(data):
            return attribution_graph.read_attribution_graph(path.name, data)
        if not isinstance(data, dict) or not {"cfg", "edges"} <= set(data):
            raise InputError(f"'{path.name}' is no EAP-IG circuit: it needs the keys cfg, nodes and edges.")
        theirs = {part: data.get(part, {}) for part in SECTIONS}
        for part, entries in theirs.items():
            whole = isinstance(entries, dict)
            if not whole or (part != "cfg" and not all(isinstance(e, dict) for e in entries.values())):
                raise InputError(f"'{path.name}': its {part} are not named entries, as EAP-IG writes them.")
        try:
            graph = _build_graph(theirs["cfg"], theirs["nodes"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"'{path.name}': its cfg does not describe a model ({error}).") from None
        try:
            values, edges = _read_matrices(graph, theirs["edges"])
        except (InputError, TypeError, ValueError) as error:
            raise InputError(f"'{path.name}': {error}") from None
        circuit = Circuit(graph, edges, int(edges.sum()))
        told = theirs["cfg"].get(SIGN_KEY)
        info = {} if told is None else {SIGN_KEY: str(told)}
        scores = Scores(graph, values, IMPORTED_METHOD, info=info)
        document = Document(State(scores=scores, circuit=circuit))
        ours = _document_sections(
            document, theirs["edges"]
        )  # of GPT-2 XL's 2.2 million edges a small file lists few
        kept: dict[str, Any] = {part: foreign_differences(ours[part], theirs[part]) for part in SECTIONS}
        kept["rest"] = {key: value for key, value in data.items() if key not in SECTIONS}
        document.extra = {EXTRA_KEY: {part: said for part, said in kept.items() if said}}
        if len(ours["edges"]) < _n_file_edges(graph):
            nothing = [name for name, entry in ours["edges"].items() if entry == EMPTY_EDGE]
            document.extra[EXTRA_KEY][LISTED_KEY] = [name for name in nothing if name in theirs["edges"]]
        return document


formats.register("eap-ig", summary="EAP-IG and MIB circuit")(EapJsonFormat())


def _n_file_edges(graph: Graph) -> int:
    """Entries of a file that lists every edge."""
    heads = [len(_head_receivers(graph, receiver)) for receiver in graph.receivers]
    return int(graph.mask.sum(0) @ np.array(heads))


def _document_sections(document: Document, listed: Container[str] | None = None) -> dict[str, dict[str, Any]]:
    """What the document itself has to say: cfg, nodes and edges, all of them or those that are listed."""
    circuit, scores = document.state.live_circuit, document.state.scores
    if circuit is None:
        raise InputError("There is no circuit to export yet; find one first.")
    graph = circuit.graph
    shape = graph.shape
    if not graph.same_as(Graph.transformer(shape)):
        raise InputError(
            "EAP-IG's format holds heads and MLPs; this circuit is of features, for which .graph.json, "
            ".graphml, .dot or .csv would be right."
        )
    values = scores.values if scores is not None else np.zeros(graph.mask.shape)
    inside = set(circuit.node_names) | {"logits"}
    edges: dict[str, Any] = {}
    heads = [_head_receivers(graph, receiver) for receiver in graph.receivers]
    for s, r in np.argwhere(graph.mask).tolist():
        there = bool(circuit.edges[s, r])
        score = float(values[s, r]) / len(heads[r])
        names = [f"{graph.senders[s]}->{head}" for head in heads[r]]
        if listed is None or any(name in listed for name in names):
            edges |= {name: {"score": score, "in_graph": there} for name in names}
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
    """Scores and membership [senders, receivers]; a score that is none counts as 0 and is kept."""
    values, chosen = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
    for name, entry in edges.items():
        s, r = graph.edge(_graph_edge_name(graph, name))
        given = entry.get("score")
        if not isinstance(given, int | float | None):
            raise InputError(f"the edge '{name}' has the score {given!r}; a number would be right.")
        score = float(given or 0.0)
        if math.isfinite(score):
            values[s, r] += score
        chosen[s, r] |= entry.get("in_graph") is True
    return values, chosen


def _head_receivers(graph: Graph, receiver: str) -> list[str]:
    if ".kv" not in receiver:
        return [receiver]
    nodes = np.flatnonzero(graph.owners[graph.receiver_index[receiver]])
    return [f"{graph.nodes[n].name}<{receiver[-2]}>" for n in nodes]


def _graph_edge_name(graph: Graph, edge: str) -> str:
    sender, _, receiver = edge.partition("->")
    found = HEAD_RECEIVER_PATTERN.match(receiver)
    if graph.shape.has_grouped_queries and found and found[3] != "q":
        receiver = f"a{found[1]}.kv{int(found[2]) // graph.shape.queries_per_kv_head}<{found[3]}>"
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
