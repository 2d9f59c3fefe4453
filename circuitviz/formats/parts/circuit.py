"""Graph, scores and circuit: the numbers are tensors, checked against the graph that is named."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Arrays, Opened, Part, parts, plain
from circuitviz.graph import Circuit, Graph, Scores, Shape
from circuitviz.session import Document

MOST_LAYERS, MOST_HEADS = 512, 1024


class CircuitPart(Part):
    """``graph``, ``scores`` and ``circuit``; the tensors ``edges``, ``scores``, ``positions``."""

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
            "graph": dataclasses.asdict(graph.shape) if graph else None,
            "scores": scores,
            "circuit": circuit,
        }

    def tensors(self, document: Document) -> Arrays:
        """Edges as 0 and 1, scores [senders, receivers], effects by position [senders, tokens]."""
        state, made = document.state, {}
        if state.circuit is not None:
            made["edges"] = state.circuit.edges.astype(np.uint8)
        if state.scores is not None:
            made["scores"] = np.ascontiguousarray(state.scores.values)
            if state.scores.positions is not None:
                made["positions"] = np.ascontiguousarray(state.scores.positions)
        return made

    def state(self, opened: Opened) -> dict[str, Any]:
        """Scores and circuit, where their tensors fit the graph."""
        graph = opened.graph
        made: dict[str, Any] = {}
        if graph is None:
            return {}
        if (info := opened.manifest["circuit"]) is not None:
            edges = _tensor(opened.tensors, "edges", graph).astype(bool)
            if (edges & ~graph.mask).any():
                raise InputError("it holds edges that the model's graph does not have")
            asked = info["asked"]
            asked = None if asked is None else int(asked)
            made["circuit"] = Circuit(graph, edges, asked, str(info["note"]))
        if (about := opened.manifest["scores"]) is not None:
            values = _tensor(opened.tensors, "scores", graph).astype(np.float64)
            if not np.isfinite(values).all():
                raise InputError("its scores hold values that are not numbers")
            made["scores"] = Scores(
                graph,
                values,
                str(about["method"]),
                dict(about["options"]),
                bool(about["partial"]),
                _info(dict(about.get("info", {}))),
                _by_position(opened.tensors, graph),
            )
        return made


def graph_of(manifest: dict[str, Any]) -> Graph | None:
    """The graph of the shape that a manifest names; InputError where no model has that shape."""
    given = manifest["graph"]
    if not given:
        return None
    known = {field.name for field in dataclasses.fields(Shape)}
    shape = Shape(**{k: v for k, v in given.items() if k in known})
    sizes = (shape.n_layers, shape.n_heads, shape.d_model, shape.kv_heads)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError("its model has sizes that are no positive whole numbers")
    if shape.n_layers > MOST_LAYERS or shape.n_heads > MOST_HEADS:
        raise InputError(f"its model has {shape.n_layers} layers of {shape.n_heads} heads")
    if shape.n_layers * shape.n_heads > 20_000 or shape.n_heads % shape.kv_heads:
        raise InputError("its model has heads that do not fit together")
    return Graph.transformer(shape)


def _tensor(tensors: Arrays, name: str, graph: Graph) -> np.ndarray[Any, Any]:
    if name not in tensors:
        raise InputError(f"it holds no tensor '{name}'")
    if tensors[name].shape != graph.mask.shape:
        raise InputError(
            f"its tensor '{name}' has shape {tensors[name].shape}, not {graph.mask.shape}"
        )
    return tensors[name]


def _by_position(tensors: Arrays, graph: Graph) -> np.ndarray[Any, Any] | None:
    found = tensors.get("positions")
    if found is None:
        return None
    if found.ndim != 2 or len(found) != len(graph.senders) or not np.isfinite(found).all():
        raise InputError("its effects by position do not fit its model")
    return found.astype(np.float64)


def _info(given: dict[str, Any]) -> dict[str, Any]:
    """What a method said, as far as it is used: a threshold, and rounds of names with numbers."""
    if "own" in given and not (math.isfinite(float(given["own"])) and float(given["own"]) > 0):
        raise InputError(f"its method's own threshold is {given['own']!r}")
    for told in given.get("rounds", []):
        told["receivers"] = [str(name) for name in told["receivers"]]
        told["senders"] = [[str(name), float(effect)] for name, effect in told["senders"]]
    return given


parts.register("circuit", summary="graph, scores and edges")(CircuitPart())
