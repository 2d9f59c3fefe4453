"""Reading and writing of attribution graphs of circuit-tracer and Neuronpedia, with their further fields."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.document import Document, State
from circuitviz.errors import InputError
from circuitviz.formats.attribution_nodes import (
    OWN_KEY,
    REQUIRED_NODE_KEYS,
    computation_order,
    infer_shape,
    parse_node,
    parse_node_label,
    parse_own_position,
)
from circuitviz.formats.attribution_qparams import LabelOverrides, QParams
from circuitviz.formats.attribution_values import read_info
from circuitviz.formats.attribution_writer import (
    EXTRA_KEY,
    document_entries,
    to_attribution_json,
    with_file_ids,
)
from circuitviz.formats.file_io import dump_json, parse_json, read_bytes, write_atomically
from circuitviz.formats.foreign_fields import foreign_differences
from circuitviz.formats.graph_limits import check_node_count, check_shape
from circuitviz.formats.json_bounds import replace_surrogates
from circuitviz.formats.registry import formats
from circuitviz.graph import Circuit, Graph, Node, NodeKind, Scores
from circuitviz.graph.feature_sites import graph_containing
from circuitviz.graph.scores import IMPORTED_METHOD, POSITIVE_HELPS, SIGN_KEY
from circuitviz.graph.spans import PromptSpans

SUFFIX = ".graph.json"  # EAP-IG's files end in .json
TOP_LEVEL_KEYS = ("metadata", "qParams", "nodes", "links")


class AttributionGraphFormat:
    """``metadata``, ``qParams``, ``nodes`` and ``links``, with the ids of older and current files."""

    suffix = SUFFIX
    reads = True
    writes = True

    def read(self, path: Path) -> Document:
        """Read a graph; InputError where the file is none."""
        return read_attribution_graph(path.name, parse_json(path.name, read_bytes(path)))

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit and the fields of the file that it came from.

        What is ablated is marked under a key of our own.
        """
        write_atomically(
            path, replace_surrogates(dump_json(to_attribution_json(document), ensure_ascii=False)).encode()
        )


formats.register("attribution-graph", summary="circuit-tracer and Neuronpedia attribution graph")(
    AttributionGraphFormat()
)


def read_attribution_graph(name: str, data: Any) -> Document:
    """A document of an attribution graph's JSON; ``name`` is the file's, for messages."""
    try:
        return _AttributionGraphReader(data).build_document()
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        problem = f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise InputError(f"'{name}' is no attribution graph: {problem}.") from None


class _AttributionGraphReader:
    """Reads the JSON of one file: parses nodes and links, then builds the document."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict) or not {"nodes", "links"} <= set(data):
            raise InputError("it needs the keys metadata, nodes and links")
        for key in ("nodes", "links"):
            if not isinstance(data[key], list) or not all(isinstance(entry, dict) for entry in data[key]):
                raise InputError(f"its {key} are no list of objects")
        if not isinstance(data.get("metadata") or {}, dict):
            raise InputError("its metadata is no object")
        self.data = data
        self.metadata = dict(data.get("metadata") or {})
        raws, links = data["nodes"], data["links"]
        for raw in raws:
            missing = [key for key in REQUIRED_NODE_KEYS if key not in raw]
            if missing:
                raise InputError(f"a node lacks {', '.join(missing)}")
        check_node_count(len(raws), min(1, len(raws)))
        self.shape = infer_shape(raws, self.metadata)
        check_shape(self.shape)
        self.raw_nodes: dict[str, dict[str, Any]] = {}
        self.names_by_id: dict[str, list[str]] = {}
        self.nodes: dict[str, Node] = {}
        for raw in raws:
            node = parse_node(raw, self.nodes)
            self.raw_nodes[node.name], self.nodes[node.name] = dict(raw), node
            self.names_by_id.setdefault(str(raw["node_id"]), []).append(node.name)
        self.links: dict[tuple[str, str], dict[str, Any]] = {}
        self.unmatched_links: list[dict[str, Any]] = []  # links without such nodes, or repeated
        self.is_model_graph = (self.metadata.get(OWN_KEY) or {}).get("graph") == "model"
        for link in links:
            ends = self._link_ends(link)
            if ends is None or ends in self.links:
                self.unmatched_links.append(dict(link))
            else:
                self.links[ends] = dict(link)

    def _link_ends(self, link: dict[str, Any]) -> tuple[str, str] | None:
        """Sender and receiver of a link; in older files an error may have the id of a layer-0 feature."""
        if self.is_model_graph:
            sender, arrow, receiver = str(link["edge"]).partition("->")
            return (sender, receiver) if arrow else None
        senders = self.names_by_id.get(str(link["source"]), [])
        receivers = self.names_by_id.get(str(link["target"]), [])
        readers = [n for n in receivers if not self.nodes[n].kind.is_leaf] or receivers
        for receiver in readers:
            for sender in senders:
                is_free = (sender, receiver) not in self.links
                if (
                    sender != receiver
                    and (is_free or len(senders) == 1)
                    and self._may_precede(sender, receiver)
                ):
                    return sender, receiver
        return next(((s, r) for s in senders for r in readers if s != r), None)

    def _may_precede(self, sender: str, receiver: str) -> bool:
        s, r = self.nodes[sender], self.nodes[receiver]
        return s.layer is None or r.layer is None or s.depth <= r.depth

    def build_document(self) -> Document:
        graph = self._build_model_graph() if self.is_model_graph else self._build_graph()
        values, edges = np.zeros(graph.mask.shape), np.zeros_like(graph.mask)
        for (sender, receiver), link in self.links.items():
            s, r = graph.edge(f"{sender}->{receiver}")
            weight = link["weight"]
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise InputError(f"the link from '{sender}' to '{receiver}' weighs {weight!r}")
            edges[s, r] = True
            values[s, r] = weight if math.isfinite(weight) else 0.0
        by_id, params = self._node_by_id(), self.data.get("qParams")
        view = QParams.parse(params, by_id)
        overrides = LabelOverrides.parse(params, self.raw_nodes, by_id)
        labels = {}
        positions: dict[str, tuple[float, float]] = {}
        for name, raw in self.raw_nodes.items():
            label = parse_node_label(raw, self.nodes[name].kind, overrides.texts.get(name))
            if label is not None and name in graph.node_index:
                labels[name] = label
            if (position := parse_own_position(raw)) is not None and name in graph.node_index:
                positions[name] = position
        own = self.metadata.get(OWN_KEY) or {}
        groups = view.build_groups(graph, own.get("groups"))
        method = str(own.get("method", IMPORTED_METHOD))
        circuit = Circuit(graph, edges, int(edges.sum()))
        info = read_info(self.raw_nodes, self.nodes, self.metadata, view.pinned_nodes, OWN_KEY)
        sign = own.get(SIGN_KEY, None if own else POSITIVE_HELPS)  # a link's weight is a direct effect
        info |= {} if sign is None else {SIGN_KEY: str(sign)}
        scores = Scores(graph, values, method, info=info)
        ablated_nodes = frozenset(
            n for n, raw in self.raw_nodes.items() if _is_ablated(raw) and n in graph.node_index
        )
        ablated_edges = frozenset(f"{s}->{r}" for (s, r), link in self.links.items() if _is_ablated(link))
        state = State(scores=scores, circuit=circuit, labels=labels, positions=positions, groups=groups)
        document = Document(replace(state, ablated_nodes=ablated_nodes, ablated_edges=ablated_edges))
        if view.clicked_node in graph.node_index:
            document.view = {"selected": {"nodes": [view.clicked_node], "edges": []}}
        document.extra = {EXTRA_KEY: self._foreign_extra(document, view, overrides)}
        return document

    def _node_by_id(self) -> dict[str, str]:
        """The node of each id; of a feature and an error with the same id, the feature."""
        return {
            identity: min(names, key=lambda name: self.nodes[name].kind is not NodeKind.FEATURE)
            for identity, names in self.names_by_id.items()
        }

    def _build_model_graph(self) -> Graph:
        spans = self.metadata[OWN_KEY].get("spans")
        if spans is not None:
            return Graph.transformer(self.shape).with_spans(PromptSpans.from_json(spans))
        return graph_containing(self.shape, self.nodes.values())

    def _build_graph(self) -> Graph:
        names = list(self.nodes)
        index = {name: i for i, name in enumerate(names)}
        links = [(index[s], index[r]) for s, r in self.links]
        order, sinks = computation_order(list(self.nodes.values()), links)
        row = {old: new for new, old in enumerate(order)}
        mask = np.zeros((len(names) - sinks, len(names)), dtype=bool)
        for s, r in links:
            mask[row[s], row[r]] = True
        return Graph.of_nodes(self.shape, tuple(self.nodes[names[i]] for i in order), mask, sinks)

    def _foreign_extra(self, document: Document, view: QParams, overrides: LabelOverrides) -> dict[str, Any]:
        nodes, links = document_entries(document)
        file_links = {f"{s}->{r}": link for (s, r), link in self.links.items()}
        ids = {name: raw["node_id"] for name, raw in self.raw_nodes.items()}
        return {
            "metadata": self.metadata,
            "nodes": foreign_differences(nodes, self.raw_nodes),
            "links": foreign_differences(with_file_ids(links, ids), file_links),
            "ids": list(self.names_by_id),
            "node_order": list(self.raw_nodes),
            "link_order": [] if list(file_links) == list(links) else list(file_links),
            "loose": self.unmatched_links,
            "view": view.to_extra(),
            "overrides": overrides.to_extra(document.state.labels),
            "rest": {key: value for key, value in self.data.items() if key not in TOP_LEVEL_KEYS},
        }


def _is_ablated(entry: dict[str, Any]) -> bool:
    """Whether a node or a link that circuitviz wrote is marked as ablated."""
    own = entry.get(OWN_KEY)
    return isinstance(own, dict) and own.get("ablated") is True
