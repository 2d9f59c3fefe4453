"""Reference circuits, published or known by construction, in a form that people can check.

A reference is JSON: ``reference`` (its name), ``about``, ``model``, ``task``, ``ablation``, ``sources``,
``shape`` {n_layers, n_heads, d_model}, and its edges, as names (``edges``) or between classes of heads:
``classes`` {class: [heads]} and ``connections`` [{from, to, channels}], where from and to may also be
``input`` and ``logits``. ``heads_only`` means that the source makes no statement about MLPs; edges from and
to them are left out of comparisons.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from circuitviz.document import Document, Label, State
from circuitviz.errors import InputError, suggest_name
from circuitviz.formats.file_io import parse_json, read_bytes
from circuitviz.formats.graph_limits import check_shape
from circuitviz.formats.registry import formats
from circuitviz.graph import BoolMatrix, Circuit, Graph, ModelShape, NodeKind
from circuitviz.resources import resource_path

REFERENCE_SUFFIX = ".reference.json"
CLASS_COLOURS = ("#2563eb", "#ea580c", "#0d9488", "#9333ea", "#ca8a04", "#db2777", "#475569", "#16a34a")


class ReferenceFormat:
    """Reads references; the document's ``extra["reference"]`` holds the whole JSON."""

    suffix = REFERENCE_SUFFIX
    reads = True
    writes = False

    def read(self, path: Path) -> Document:
        """The reference's circuit, its heads labelled with their classes."""
        data = parse_json(path.name, read_bytes(path))
        try:
            layers, heads, width = (int(data["shape"][k]) for k in ("n_layers", "n_heads", "d_model"))
            shape = ModelShape(layers, heads, width)
            check_shape(shape)
            graph = Graph.transformer(shape)
            classes = {str(k): [str(n) for n in v] for k, v in data.get("classes", {}).items()}
            edges = np.zeros_like(graph.mask)
            for name in [
                *data.get("edges", ()),
                *_connection_edges(graph, classes, data.get("connections", ())),
            ]:
                edges[graph.edge(name)] = True
            labels = {
                node: Label(name, CLASS_COLOURS[i % len(CLASS_COLOURS)])
                for i, (name, nodes) in enumerate(classes.items())
                for node in nodes
                if graph.node(node)
            }
        except InputError as error:
            raise InputError(f"'{path.name}': {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"'{path.name}' is no reference circuit ({error!r}).") from None
        document = Document(State(circuit=Circuit(graph, edges, int(edges.sum())), labels=labels))
        document.extra = {"reference": data}
        return document

    def write(self, document: Document, path: Path) -> None:
        """Raise InputError: references are written by hand."""
        raise InputError("A reference is written by hand, with its sources; it cannot be exported.")


formats.register("reference", summary="reference circuit with its sources")(ReferenceFormat())


def list_references() -> dict[str, Path]:
    """Paths of the references that the application ships, by name."""
    paths = sorted(resource_path("known").glob(f"**/*{REFERENCE_SUFFIX}"))
    return {path.name.removesuffix(REFERENCE_SUFFIX): path for path in paths}


def find_reference(name: Path | str) -> Path:
    """The path of a shipped reference by its name; else the argument as a path.

    Raises:
        InputError: The name is neither a reference nor a file.
    """
    path, references = Path(name), list_references()
    if str(name) in references and not path.exists():
        return references[str(name)]
    if not path.exists() and path.suffix == "":
        raise InputError(
            f"There is no file and no reference '{name}'; references are {', '.join(references)}."
            + suggest_name(str(name), references)
        )
    return path


def edges_in_scope(document: Document) -> BoolMatrix | None:
    """Edges that a reference makes a statement about, bool [senders, receivers]; None for all."""
    reference, circuit = document.extra.get("reference", {}), document.state.circuit
    if circuit is None or not reference.get("heads_only"):
        return None
    graph = circuit.graph
    senders = np.array([node.kind is not NodeKind.MLP for node in graph.nodes[:-1]])
    receivers = np.array([not name.startswith("m") for name in graph.receivers])
    return graph.mask & senders[:, None] & receivers[None, :]


def _connection_edges(graph: Graph, classes: dict[str, list[str]], connections: Any) -> list[str]:
    """Names of all edges from a class's heads to later ones of another, in the given channels."""
    names_found = []
    for connection in connections:
        channels = connection.get("channels", "")
        for sender in _class_members(classes, connection["from"]):
            for node in _class_members(classes, connection["to"]):
                names = [f"{node}<{c}>" for c in channels] or [node]
                names_found += [f"{sender}->{name}" for name in names if _is_later(graph, sender, node)]
    return names_found


def _class_members(classes: dict[str, list[str]], name: str) -> list[str]:
    if name in ("input", "logits"):
        return [name]
    if name not in classes:
        raise InputError(f"a connection names the class '{name}'; there is {', '.join(classes)}.")
    return classes[name]


def _is_later(graph: Graph, sender: str, node: str) -> bool:
    return graph.depth(sender) < graph.depth(node)
