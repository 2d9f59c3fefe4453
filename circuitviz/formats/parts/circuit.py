"""Graph, scores and circuit: the numbers are tensors, checked against the graph that is named.

A model's graph follows from its shape, and its matrices are kept whole; where sites are opened into features
it follows from its nodes, which are listed. A graph of one prompt's features lists its nodes and its edges
(``graph_edges``, [edges, 2]: sender, node), and what belongs to edges is kept by edge.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.listing import is_transformer, is_whole
from circuitviz.formats.parts.registry import Arrays, Opened, Part, parts, plain
from circuitviz.formats.schemas import (
    count,
    each,
    either,
    named,
    number,
    optional,
    real,
    record,
    rule,
    scalar,
    text,
    truth,
)
from circuitviz.formats.shapes import check_nodes, check_shape, checked_node
from circuitviz.graph import Circuit, Graph, Kind, Node, Scores, Shape
from circuitviz.graph.opened import graph_of_sites, opened_sites
from circuitviz.graph.scores import SIGN, SIGN_NOTE
from circuitviz.session import Document

BY_NODE = "activations attributions influence cumulative_influence probabilities ledger targets".split()
circuit = record({"asked": optional(count), "note": text})
scores = record({"method": text, "options": named(either(scalar, each(scalar))), "partial": truth})
pair = rule(
    each(either(text, number)),
    lambda p: len(p) == 2 and isinstance(p[0], str) and not isinstance(p[1], str),
    "a name and a number",
)
info = record(
    {},
    {"own": rule(number, lambda own: own > 0, "a number over 0"),
     "prompt": record({}, {"strings": each(text)}),
     "rounds": each(record({"receivers": each(text), "senders": each(pair)})),
     **dict.fromkeys(BY_NODE, named(real)), "shown": named(text), "target": text, "gate": text,
     **dict.fromkeys("highest fraction tau unread replacement_score completeness_score".split(), real),
     SIGN: text, SIGN_NOTE: text},
)  # fmt: skip


class CircuitPart(Part):
    """``graph``, ``scores``, ``circuit``; tensors ``edges``, ``scores``, ``positions``, ``graph_edges``."""

    keys = ("graph", "scores", "circuit")

    def write(self, document: Document) -> dict[str, Any]:
        """Shape of the model's graph, and how scores and circuit came about."""
        state = document.state
        graph = state.circuit.graph if state.circuit else None
        scores = state.scores and {
            "method": state.scores.method,
            "options": dict(state.scores.options),
            "partial": state.scores.partial,
            "info": plain(dict(state.scores.info)),
        }
        circuit = state.circuit and {"asked": state.circuit.asked, "note": state.circuit.note}
        return {
            "graph": graph and {**dataclasses.asdict(graph.shape), **_listed(graph)},
            "scores": scores,
            "circuit": circuit,
        }

    def tensors(self, document: Document) -> Arrays:
        """Edges as 0 and 1, scores, effects by position [senders, tokens].

        The first two are [senders, receivers], or by edge where the graph is listed.
        """
        state, made = document.state, {}
        if state.circuit is not None:
            graph, edges = state.circuit.graph, state.circuit.edges.astype(np.uint8)
            made["edges"] = edges if is_whole(graph) else edges[graph.mask]
            if not is_whole(graph):
                column = [graph.node_index[name] for name in graph.receivers]
                s, r = np.nonzero(graph.mask)
                made["graph_edges"] = np.stack([s, np.array(column)[r]], axis=1).astype(np.int32)
        if state.scores is not None:
            graph, values = state.scores.graph, state.scores.values
            made["scores"] = np.ascontiguousarray(values if is_whole(graph) else values[graph.mask])
            if state.scores.positions is not None:
                made["positions"] = np.ascontiguousarray(state.scores.positions)
        return made

    def state(self, opened: Opened) -> dict[str, Any]:
        """Scores and circuit, where their tensors fit the graph."""
        graph = opened.graph
        made: dict[str, Any] = {}
        if graph is None:
            return {}
        if (said := opened.manifest["circuit"]) is None:
            raise InputError("it has a graph and no circuit")
        circuit(said, "circuit")
        edges = _tensor(opened.tensors, "edges", graph, bool)
        if (edges > graph.mask).any():
            raise InputError("it holds edges that the model's graph does not have")
        made["circuit"] = Circuit(graph, edges, said["asked"], said["note"])
        if (about := opened.manifest["scores"]) is not None:
            scores(about, "scores")
            values = _tensor(opened.tensors, "scores", graph, float)
            made["scores"] = Scores(
                graph,
                values,
                about["method"],
                about["options"],
                about["partial"],
                _info(about.get("info", {})),
                _by_position(opened.tensors, graph),
            )
        return made


def graph_of(manifest: dict[str, Any], tensors: Arrays) -> Graph | None:
    """The graph that a manifest names; InputError where no model has that shape."""
    given = manifest["graph"]
    if not given:
        return None
    known = {field.name for field in dataclasses.fields(Shape)}
    shape = Shape(**{k: v for k, v in given.items() if k in known})
    check_shape(shape)
    if "nodes" not in given:
        return Graph.transformer(shape)
    names = {field.name for field in dataclasses.fields(Node)}
    nodes = tuple(_node({k: v for k, v in told.items() if k in names}) for told in given["nodes"])
    sinks = int(given["sinks"])
    check_nodes(len(nodes), sinks)
    if given.get("opened"):
        return graph_of_sites(shape, nodes)
    edges = tensors.get("graph_edges")
    senders = len(nodes) - sinks
    fits = edges is not None and edges.ndim == 2 and edges.shape[1] == 2 and edges.dtype.kind == "i"
    if edges is None or not fits or (edges < 0).any() or (edges >= [senders, len(nodes)]).any():
        raise InputError("its graph's edges do not join its nodes")
    mask = np.zeros((senders, len(nodes)), dtype=bool)
    mask[edges[:, 0], edges[:, 1]] = True
    return Graph.of_nodes(shape, nodes, mask, sinks)


def _listed(graph: Graph) -> dict[str, Any]:
    """What cannot be told from the shape alone."""
    if is_transformer(graph):
        return {}
    nodes = [{k: v for k, v in dataclasses.asdict(n).items() if v not in (None, "")} for n in graph.nodes]
    return {"nodes": nodes, "sinks": graph.sinks, **({"opened": True} if opened_sites(graph) else {})}


def _node(given: dict[str, Any]) -> Node:
    """A node whose fields are of their kinds: names are drawn, numbers are counted with."""
    return Node(**{**checked_node(given), "kind": Kind(given["kind"])})


def _tensor(tensors: Arrays, name: str, graph: Graph, kind: type) -> np.ndarray[Any, Any]:
    """A matrix [senders, receivers], from a tensor of that shape or, for a listed graph, by edge."""
    if name not in tensors:
        raise InputError(f"it holds no tensor '{name}'")
    whole = is_whole(graph)
    right = graph.mask.shape if whole else (graph.n_edges,)
    if tensors[name].shape != right:
        raise InputError(f"its tensor '{name}' has shape {tensors[name].shape}, not {right}")
    if tensors[name].dtype.kind not in "iufb":
        raise InputError(f"its tensor '{name}' holds {tensors[name].dtype}, which are no numbers")
    if not np.isfinite(tensors[name]).all():
        raise InputError(f"its tensor '{name}' holds values that are not numbers")
    if whole:
        return tensors[name].astype(kind)
    made: np.ndarray[Any, Any] = np.zeros(graph.mask.shape, kind)
    made[graph.mask] = tensors[name]
    return made


def _by_position(tensors: Arrays, graph: Graph) -> np.ndarray[Any, Any] | None:
    found = tensors.get("positions")
    if found is None:
        return None
    if found.ndim != 2 or len(found) != len(graph.senders) or not np.isfinite(found).all():
        raise InputError("its effects by position do not fit its model")
    return found.astype(np.float64)


def _info(given: Any) -> dict[str, Any]:
    """What a method said, as far as it is used."""
    info(given, "scores.info")
    for told in given.get("rounds", []):
        told["senders"] = [[name, float(effect)] for name, effect in told["senders"]]
    return dict(given)


parts.register("circuit", summary="graph, scores and edges")(CircuitPart())
