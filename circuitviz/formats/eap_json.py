"""EAP-IG's and MIB's circuit JSON, in and out, so that circuits travel between the tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.disk import parse_json, read_bytes, write_whole
from circuitviz.formats.registry import formats
from circuitviz.graph import Circuit, Graph, Scores, Shape
from circuitviz.session import Document, State

HEAD = re.compile(r"a(\d+)\.h(\d+)<([qkv])>$")


class EapJson:
    """``{"cfg": ..., "nodes": ..., "edges": ...}``; other keys are kept and written back."""

    suffix = ".json"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit; a key-value receiver is repeated for each query head of its group,
        its score divided by the group's size (METHODS: Graph)."""
        circuit, scores = document.state.live, document.state.scores
        if circuit is None:
            raise InputError("There is no circuit to export yet; find one first.")
        graph = circuit.graph
        shape = graph.shape
        values = scores.values if scores is not None else np.zeros(graph.mask.shape)
        inside = set(circuit.node_names) | {"logits"}
        edges: dict[str, Any] = {}
        for s, r in np.argwhere(graph.mask):
            names = _heads_of(graph, graph.receivers[r])
            for name in names:
                edges[f"{graph.senders[s]}->{name}"] = {
                    "score": float(values[s, r]) / len(names),
                    "in_graph": bool(circuit.edges[s, r]),
                }
        data = {
            **document.extra.get("eap", {}),
            "cfg": {
                **document.extra.get("eap", {}).get("cfg", {}),
                "n_layers": shape.n_layers,
                "n_heads": shape.n_heads,
                "parallel_attn_mlp": shape.parallel,
                "d_model": shape.d_model,
                **({"n_key_value_heads": shape.kv_heads} if shape.grouped else {}),
                **({} if shape.mlp else {"attn_only": True}),
            },
            "nodes": {n.name: {"in_graph": n.name in inside} for n in graph.nodes},
            "edges": edges,
        }
        write_whole(path, json.dumps(data).encode())

    def read(self, path: Path) -> Document:
        """Read a circuit; repeated key-value receivers are summed back."""
        data = parse_json(path.name, read_bytes(path))
        if not isinstance(data, dict) or not {"cfg", "edges"} <= set(data):
            raise InputError(
                f"'{path.name}' is no EAP-IG circuit: it needs the keys cfg, nodes and edges."
            )
        try:
            graph = _graph(data["cfg"], data.get("nodes", {}))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"'{path.name}': its cfg does not describe a model ({error}).") from None
        values, edges = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
        for name, entry in data["edges"].items():
            try:
                s, r = graph.edge(_ours(graph, name))
                values[s, r] += float(entry.get("score") or 0.0)
                edges[s, r] |= bool(entry.get("in_graph"))
            except InputError as error:
                raise InputError(f"'{path.name}': {error}") from None
            except (TypeError, ValueError, AttributeError):
                raise InputError(
                    f"'{path.name}': the edge '{name}' holds {entry!r}; it needs a score and in_graph."
                ) from None
        circuit = Circuit(graph, edges, int(edges.sum()))
        document = Document(State(scores=Scores(graph, values, "imported"), circuit=circuit))
        rest = {k: v for k, v in data.items() if k not in ("nodes", "edges")}
        document.extra = {"eap": rest}
        return document


formats.register("eap-ig", summary="EAP-IG and MIB circuit")(EapJson())


def _heads_of(graph: Graph, receiver: str) -> list[str]:
    if ".kv" not in receiver:
        return [receiver]
    nodes = np.flatnonzero(graph.owners[graph.receiver_index[receiver]])
    return [f"{graph.nodes[n].name}<{receiver[-2]}>" for n in nodes]


def _ours(graph: Graph, edge: str) -> str:
    sender, _, receiver = edge.partition("->")
    found = HEAD.match(receiver)
    if graph.shape.grouped and found and found[3] != "q":
        receiver = f"a{found[1]}.kv{int(found[2]) // graph.shape.group}<{found[3]}>"
    return f"{sender}->{receiver}"


def _graph(cfg: dict[str, Any], nodes: dict[str, Any]) -> Graph:
    heads = int(cfg["n_heads"])
    grouped = int(cfg.get("n_key_value_heads") or heads)
    mlp = not cfg.get("attn_only") and (not nodes or "m0" in nodes)
    shape = Shape(
        int(cfg["n_layers"]),
        heads,
        int(cfg["d_model"]),
        grouped if grouped != heads else None,
        bool(cfg.get("parallel_attn_mlp")),
        mlp,
    )
    if not 0 < shape.n_layers * heads <= 20_000 or heads % grouped:
        raise ValueError(f"{shape.n_layers} layers of {heads} heads")
    return Graph.transformer(shape)
