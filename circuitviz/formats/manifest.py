"""A document as JSON, with a version, so that every later version can read it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.graph import Circuit, Graph, Scores, Shape
from circuitviz.session import Document, Label, Provenance, State

VERSION = 1
KNOWN = (
    "version graph method scores circuit provenance ablated labels positions view evaluations curve measures"
).split()
MOST_LAYERS, MOST_HEADS = 512, 1024

Arrays = dict[str, "np.ndarray[Any, Any]"]


def to_manifest(document: Document) -> dict[str, Any]:
    """Everything of a document but its tensors; keys that we did not understand are kept."""
    state = document.state
    graph = state.circuit.graph if state.circuit else None
    where = state.provenance
    return {
        **document.extra,
        "version": VERSION,
        "graph": dataclasses.asdict(graph.shape) if graph else None,
        "scores": state.scores
        and {
            "method": state.scores.method,
            "options": dict(state.scores.options),
            "partial": state.scores.partial,
            "info": _plain(dict(state.scores.info)),
        },
        "circuit": state.circuit and {"asked": state.circuit.asked, "note": state.circuit.note},
        "provenance": where and _plain(dataclasses.asdict(where)),
        "ablated": {"nodes": sorted(state.ablated_nodes), "edges": sorted(state.ablated_edges)},
        "labels": {n: dataclasses.asdict(label) for n, label in state.labels.items()},
        "positions": {n: list(place) for n, place in state.positions.items()},
        "view": document.view,
        "evaluations": document.evaluations,
        "curve": document.curve,
        "measures": document.measures,
    }


def from_manifest(manifest: dict[str, Any], tensors: Arrays) -> Document:
    """Put a document together; raises InputError or a plain error where parts do not fit."""
    shape = _shape(manifest["graph"]) if manifest["graph"] else None
    graph = Graph.transformer(shape) if shape else None
    circuit = scores = None
    if graph is not None and manifest["circuit"] is not None:
        edges = _tensor(tensors, "edges", graph).astype(bool)
        if (edges & ~graph.mask).any():
            raise InputError("it holds edges that the model's graph does not have")
        info = manifest["circuit"]
        asked = info["asked"]
        circuit = Circuit(graph, edges, None if asked is None else int(asked), str(info["note"]))
    if graph is not None and manifest["scores"] is not None:
        about = manifest["scores"]
        if not np.isfinite(tensors["scores"] if "scores" in tensors else 0.0).all():
            raise InputError("its scores hold values that are not numbers")
        values = _tensor(tensors, "scores", graph).astype(np.float64)
        scores = Scores(
            graph,
            values,
            str(about["method"]),
            dict(about["options"]),
            bool(about["partial"]),
            _info(dict(about.get("info", {}))),
            _by_position(tensors, graph),
        )
    ablated = manifest["ablated"]
    state = State(
        provenance=_provenance(manifest["provenance"]),
        scores=scores,
        circuit=circuit,
        ablated_nodes=frozenset(_nodes(graph, ablated["nodes"])),
        ablated_edges=frozenset(_edges(graph, ablated["edges"])),
        labels={
            name: Label(str(manifest["labels"][name]["text"]), _colour(manifest["labels"][name]))
            for name in _nodes(graph, manifest["labels"])
        },
        positions={
            name: _place(manifest["positions"][name]) for name in _nodes(graph, manifest["positions"])
        },
    )
    document = Document(state)
    document.view = dict(manifest["view"])
    document.curve = [_numbers(point, "asked edges value low high") for point in manifest["curve"]]
    document.measures = {str(k): dict(v) for k, v in dict(manifest.get("measures", {})).items()}
    for key, numbers in dict(manifest["evaluations"]).items():
        _numbers(numbers["faithfulness"], "value low high")
        _numbers(numbers["metric"], "circuit model ablated")
        _numbers(numbers["setting"], "prompts")
        document.remember(str(key), {**numbers, "edges": int(numbers["edges"])})
    document.extra = {k: v for k, v in manifest.items() if k not in KNOWN}
    return document


def _shape(given: dict[str, Any]) -> Shape:
    known = {field.name for field in dataclasses.fields(Shape)}
    shape = Shape(**{k: v for k, v in given.items() if k in known})
    sizes = (shape.n_layers, shape.n_heads, shape.d_model, shape.kv_heads)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError("its model has sizes that are no positive whole numbers")
    if shape.n_layers > MOST_LAYERS or shape.n_heads > MOST_HEADS:
        raise InputError(f"its model has {shape.n_layers} layers of {shape.n_heads} heads")
    if shape.n_layers * shape.n_heads > 20_000 or shape.n_heads % shape.kv_heads:
        raise InputError("its model has heads that do not fit together")
    return shape


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


def _nodes(graph: Graph | None, names: Any) -> list[str]:
    for name in names:
        if graph is None:
            raise InputError("it names nodes of no model")
        graph.node(name)
    return list(names)


def _edges(graph: Graph | None, names: Any) -> list[str]:
    for name in names:
        if graph is None:
            raise InputError("it names edges of no model")
        graph.edge(name)
    return list(names)


def _place(given: Any) -> tuple[float, float]:
    x, y = (float(v) for v in given)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError("a node's place is not a number")
    return x, y


def _numbers(given: dict[str, Any], keys: str) -> dict[str, Any]:
    """A dict whose named values are numbers, or unknown; the window shows them as they are."""
    for key in keys.split():
        if not isinstance(given[key], int | float | None):
            raise InputError(f"its '{key}' is {given[key]!r}, which is no number")
    return dict(given)


def _colour(given: dict[str, Any]) -> str:
    colour = str(given["colour"])
    if len(colour) != 7 or colour[0] != "#":
        raise InputError(f"a label's colour is {colour!r}")
    int(colour[1:], 16)
    return colour


def _provenance(given: dict[str, Any] | None) -> Provenance | None:
    if given is None:
        return None
    known = {field.name for field in dataclasses.fields(Provenance)}
    values = {k: v for k, v in given.items() if k in known}
    values["pairs"] = tuple(
        (str(clean), str(corrupted), tuple(map(str, right)), tuple(map(str, wrong)))
        for clean, corrupted, right, wrong in values["pairs"]
    )
    return Provenance(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
