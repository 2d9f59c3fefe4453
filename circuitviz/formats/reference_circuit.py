"""Circuits that others found or that are known by construction, written so that people can check them.

A reference is JSON: ``reference`` (its name), ``about``, ``model``, ``task``, ``ablation``, ``sources``,
``shape`` {n_layers, n_heads, d_model}, and its edges, as names (``edges``) or between classes of heads:
``classes`` {class: [heads]} and ``connections`` [{from, to, channels}], where from and to may also be
``input`` and ``logits``. ``heads_only`` says that the source is silent on MLPs: edges from and to them
are not judged.
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
    """Reads references; ``extra["reference"]`` of the document keeps what they say of themselves."""

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
        """References are written by hand, with their sources."""
        raise InputError("A reference is written by hand, with its sources; it cannot be exported.")


formats.register("reference", summary="reference circuit with its sources")(ReferenceFormat())


def list_references() -> dict[str, Path]:
    """References that ship, by name."""
    found = sorted(resource_path("known").glob(f"**/*{REFERENCE_SUFFIX}"))
    return {path.name.removesuffix(REFERENCE_SUFFIX): path for path in found}


def find_reference(name: Path | str) -> Path:
    """A file's path: of a shipped reference by its name, else the path itself."""
    path, known = Path(name), list_references()
    if str(name) in known and not path.exists():
        return known[str(name)]
    if not path.exists() and path.suffix == "":
        raise InputError(
            f"There is no file and no reference '{name}'; references are {', '.join(known)}."
            + suggest_name(str(name), known)
        )
    return path


def edges_in_scope(document: Document) -> BoolMatrix | None:
    """The edges [senders, receivers] that a reference says anything of; None where it is all."""
    about, circuit = document.extra.get("reference", {}), document.state.circuit
    if circuit is None or not about.get("heads_only"):
        return None
    graph = circuit.graph
    senders = np.array([node.kind is not NodeKind.MLP for node in graph.nodes[:-1]])
    receivers = np.array([not name.startswith("m") for name in graph.receivers])
    return graph.mask & senders[:, None] & receivers[None, :]


def _connection_edges(graph: Graph, classes: dict[str, list[str]], connections: Any) -> list[str]:
    """Every edge from a class's heads to the later ones of another, in the channels given."""
    found = []
    for connection in connections:
        channels = connection.get("channels", "")
        for sender in _class_members(classes, connection["from"]):
            for node in _class_members(classes, connection["to"]):
                names = [f"{node}<{c}>" for c in channels] or [node]
                found += [f"{sender}->{name}" for name in names if _is_later(graph, sender, node)]
    return found


def _class_members(classes: dict[str, list[str]], name: str) -> list[str]:
    if name in ("input", "logits"):
        return [name]
    if name not in classes:
        raise InputError(f"a connection names the class '{name}'; there is {', '.join(classes)}.")
    return classes[name]


def _is_later(graph: Graph, sender: str, node: str) -> bool:
    return graph.depth(sender) < graph.depth(node)
