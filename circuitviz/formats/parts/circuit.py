"""Graph, scores and circuit, with their numbers as tensors that are checked against the graph.

A model's graph follows from its shape, or, with sites shown as features, from its listed nodes; its matrices
are stored as they are. A graph of one prompt's features lists its nodes and its edges (``graph_edges``,
[edges, 2]: sender, node), and values are stored by edge.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_listing import is_model_graph, is_transformer_graph
from circuitviz.formats.manifest_graph import CHANNELS_TENSOR, EDGE_CHANNELS
from circuitviz.formats.migrations import FIRST_VERSION
from circuitviz.formats.parts.registry import Arrays, DocumentPart, FileContents, parts, to_jsonable
from circuitviz.formats.schemas import (
    any_count,
    any_number,
    any_scalar,
    any_text,
    boolean,
    either_of,
    finite_number,
    interval_schema,
    list_of,
    mapping_of,
    optional_value,
    record_of,
    with_rule,
)
from circuitviz.graph import Circuit, Graph, Scores
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.scores import SIGN_KEY, SIGN_NOTE_KEY
from circuitviz.graph.task_check import TASK_CHECK_KEY
from circuitviz.graph.training_course import COURSE_KEY

SPANS_AND_CHANNELS_VERSION = (
    2  # of files, which first had circuits by span and edges through attention scores
)
NODE_TABLES = [
    "activations",
    "attributions",
    "influence",
    "cumulative_influence",
    "probabilities",
    "ledger",
    "targets",
    "through_attention",
    "attention_ledger",
]
circuit_schema = record_of({"asked": optional_value(any_count), "note": any_text})
scores_schema = record_of(
    {
        "method": any_text,
        "options": mapping_of(either_of(any_scalar, list_of(any_scalar))),
        "partial": boolean,
    }
)
pair_schema = with_rule(
    list_of(either_of(any_text, finite_number)),
    lambda p: len(p) == 2 and isinstance(p[0], str) and not isinstance(p[1], str),
    "a name and a number",
)
place_schema = with_rule(
    list_of(either_of(any_text, any_count)),
    lambda place: [type(part) for part in place] == [str, int, int],
    "a head and two positions",
)
query_key_schema = with_rule(
    list_of(either_of(any_text, finite_number)),
    lambda pair: (
        len(pair) == 4 and all(isinstance(name, str) for name in pair[:3]) and not isinstance(pair[3], str)
    ),
    "two nodes, a head and a number",
)
task_check_schema = record_of(
    {
        **dict.fromkeys(["model", "task", "metric"], any_text),
        "prompts": any_count,
        "two_sided": boolean,
        "chance": finite_number,
        **dict.fromkeys(["accuracy", "corrupted_accuracy"], interval_schema),
        **dict.fromkeys(["clean", "corrupted", "difference"], interval_schema),
    }
)
info_schema = record_of(
    {},
    {"own": with_rule(finite_number, lambda own: own > 0, "a number over 0"),
     "prompt": record_of({}, {"strings": list_of(any_text)}),
     "rounds": list_of(record_of({"receivers": list_of(any_text), "senders": list_of(pair_schema)})),
     COURSE_KEY: list_of(record_of(
         {**dict.fromkeys(["step", "edges", "prompts"], any_count),
          **dict.fromkeys(["value", "low", "high"], optional_value(finite_number))})),
     **dict.fromkeys(NODE_TABLES, mapping_of(any_number)), "shown": mapping_of(any_text),
     "target": any_text, "gate": any_text,
     "score_places": mapping_of(place_schema), "query_key_pairs": list_of(query_key_schema),
     **dict.fromkeys(["highest", "fraction", "tau", "unread"], any_number),
     **dict.fromkeys(["replacement_score", "completeness_score"], any_number),
     SIGN_KEY: any_text, SIGN_NOTE_KEY: any_text, TASK_CHECK_KEY: task_check_schema},
)  # fmt: skip


class CircuitPart(DocumentPart):
    """``graph``, ``scores``, ``circuit``, and the tensors ``edges``, ``scores`` and what belongs to them."""

    keys = ("graph", "scores", "circuit")

    def write(self, document: Document) -> dict[str, Any]:
        """Shape and listed nodes of the graph, method and options of the scores, size of the circuit."""
        state = document.state
        graph = state.circuit.graph if state.circuit else None
        scores = state.scores and {
            "method": state.scores.method,
            "options": dict(state.scores.options),
            "partial": state.scores.partial,
            "info": to_jsonable(dict(state.scores.info)),
        }
        circuit = state.circuit and {"asked": state.circuit.requested_edges, "note": state.circuit.note}
        return {
            "graph": graph and {**dataclasses.asdict(graph.shape), **_listed_graph(graph)},
            "scores": scores,
            "circuit": circuit,
        }

    def tensors(self, document: Document) -> Arrays:
        """Edges as 0 and 1, scores, and effects by position [senders, tokens].

        Edges and scores are [senders, receivers], with [spans] where the graph has spans, or [edges] where it
        is listed.
        """
        state, arrays = document.state, {}
        if state.circuit is not None:
            graph = state.circuit.graph
            arrays["edges"] = _stored_matrix(graph, state.circuit.edges.astype(np.uint8))
            if not is_model_graph(graph):
                column = [owners[0] for owners in graph.nodes_by_receiver]
                s, r = np.nonzero(graph.mask)
                arrays["graph_edges"] = np.stack([s, np.array(column)[r]], axis=1).astype(np.int32)
                if (channel := _receiver_channels(graph)).any():
                    arrays[CHANNELS_TENSOR] = channel[r]
        if state.scores is not None:
            arrays["scores"] = np.ascontiguousarray(_stored_matrix(state.scores.graph, state.scores.values))
            if state.scores.positions is not None:
                arrays["positions"] = np.ascontiguousarray(state.scores.positions)
            if state.scores.examined is not None:
                examined = state.scores.examined.astype(np.uint8)
                arrays["examined"] = _stored_matrix(state.scores.graph, examined)
        return arrays

    def file_version(self, document: Document) -> int:
        """2 where spans or channels change the shape of the edges, which version 1 does not expect."""
        circuit = document.state.circuit
        if circuit is None:
            return FIRST_VERSION
        graph = circuit.graph
        has_channels = not is_model_graph(graph) and bool(_receiver_channels(graph).any())
        return SPANS_AND_CHANNELS_VERSION if graph.spans is not None or has_channels else FIRST_VERSION

    def state(self, contents: FileContents) -> dict[str, Any]:
        """``circuit`` and ``scores`` of the state, checked against the graph."""
        graph = contents.graph
        if graph is None:
            return {}
        if (circuit := contents.manifest["circuit"]) is None:
            raise InputError("it has a graph and no circuit")
        circuit_schema(circuit, "circuit")
        edges = _read_matrix(contents.tensors, "edges", graph, bool)
        if (edges > graph.mask).any():
            raise InputError("it holds edges that the model's graph does not have")
        fields: dict[str, Any] = {"circuit": Circuit(graph, edges, circuit["asked"], circuit["note"])}
        if (scores := contents.manifest["scores"]) is not None:
            scores_schema(scores, "scores")
            fields["scores"] = Scores(
                graph,
                _read_matrix(contents.tensors, "scores", graph, float),
                scores["method"],
                scores["options"],
                scores["partial"],
                _check_info(scores.get("info", {})),
                _read_position_effects(contents.tensors, graph),
                _read_matrix(contents.tensors, "examined", graph, bool)
                if "examined" in contents.tensors
                else None,
            )
        return fields


def _listed_graph(graph: Graph) -> dict[str, Any]:
    """Nodes of a graph, where they do not follow from the shape."""
    if graph.spans is not None:
        return {"spans": graph.spans.to_json}
    if is_transformer_graph(graph):
        return {}
    nodes = [{k: v for k, v in dataclasses.asdict(n).items() if v not in (None, "")} for n in graph.nodes]
    return {"nodes": nodes, "sinks": graph.sinks, **({"opened": True} if feature_sites(graph) else {})}


def _receiver_channels(graph: Graph) -> np.ndarray[Any, Any]:
    """The index in ``EDGE_CHANNELS`` of each receiver of a graph that lists its edges, uint8 [receivers]."""
    return np.array([EDGE_CHANNELS.index(graph.channel(i)) for i in range(len(graph.receivers))], np.uint8)


def _stored_matrix(graph: Graph, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A matrix of a graph as files hold it."""
    if graph.spans is not None:
        return graph.split_spans(values)
    return values if is_model_graph(graph) else values[graph.mask]


def _read_matrix(tensors: Arrays, name: str, graph: Graph, dtype: type) -> np.ndarray[Any, Any]:
    """A matrix [senders, receivers], from a tensor of that shape or, for a listed graph, by edge."""
    if name not in tensors:
        raise InputError(f"it holds no tensor '{name}'")
    is_whole = is_model_graph(graph)
    expected_shape: tuple[int, ...] = graph.mask.shape if is_whole else (graph.n_edges,)
    if graph.spans is not None:
        expected_shape = (*Graph.transformer(graph.shape).mask.shape, len(graph.spans))
    if tensors[name].shape != expected_shape:
        raise InputError(f"its tensor '{name}' has shape {tensors[name].shape}, not {expected_shape}")
    if tensors[name].dtype.kind not in "iufb":
        raise InputError(f"its tensor '{name}' holds {tensors[name].dtype}, which are no numbers")
    if not np.isfinite(tensors[name]).all():
        raise InputError(f"its tensor '{name}' holds values that are not numbers")
    if graph.spans is not None:
        return graph.join_spans(tensors[name].astype(dtype))
    if is_whole:
        return tensors[name].astype(dtype)
    matrix: np.ndarray[Any, Any] = np.zeros(graph.mask.shape, dtype)
    matrix[graph.mask] = tensors[name]
    return matrix


def _read_position_effects(tensors: Arrays, graph: Graph) -> np.ndarray[Any, Any] | None:
    effects = tensors.get("positions")
    if effects is None:
        return None
    if effects.ndim != 2 or len(effects) != len(graph.senders) or not np.isfinite(effects).all():
        raise InputError("its effects by position do not fit its model")
    return effects.astype(np.float64)


def _check_info(info: Any) -> dict[str, Any]:
    """``Scores.info`` after checks of the fields that are used."""
    info_schema(info, "scores.info")
    for round_data in info.get("rounds", []):
        round_data["senders"] = [[name, float(effect)] for name, effect in round_data["senders"]]
    return dict(info)


parts.register("circuit", summary="graph, scores and edges")(CircuitPart())
