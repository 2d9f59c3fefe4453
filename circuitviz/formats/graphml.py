"""Reading and writing of GraphML through networkx, for Gephi, Cytoscape, yEd and Python."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats.circuit_listing import (
    CircuitListing,
    ListedEdge,
    build_document,
    is_ablated,
    list_circuit,
)
from circuitviz.formats.file_io import read_bytes, write_atomically
from circuitviz.formats.registry import formats

if TYPE_CHECKING:
    import networkx as nx
else:  # takes long to import, and the formats are asked for with any file
    import lazy_loader

    nx = lazy_loader.load("networkx")
MAX_FILE_BYTES, MAX_TAGS = 128 * 2**20, 400_000  # enough for 80,000 edges with their attributes
READ_ERRORS = (ParseError, ValueError, TypeError, AttributeError, LookupError)
FORBIDDEN_MARKUP = re.compile(rb"<!(?!--)|\0")  # entities can grow without bound; graphs need none


class GraphMlFormat:
    """A directed multigraph: an edge for each channel, ``receiver`` names it as EAP-IG does."""

    suffix = ".graphml"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit, with ablated nodes and edges marked."""
        buffer = io.BytesIO()
        nx.write_graphml(to_networkx(list_circuit(document)), buffer)
        write_atomically(path, buffer.getvalue())

    def read(self, path: Path) -> Document:
        """Read a circuit.

        Raises:
            InputError: The file is no GraphML, or no circuit.
        """
        data = read_bytes(path, MAX_FILE_BYTES)
        if data.count(b"<") > MAX_TAGS:
            raise InputError(f"'{path.name}' holds more elements than any circuit; it was not opened.")
        if FORBIDDEN_MARKUP.search(data):
            raise InputError(f"'{path.name}' declares entities or is no UTF-8; it was not opened.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # networkx warns of its guesses about foreign files
                graph = nx.read_graphml(io.BytesIO(data), node_type=str)
        except (*READ_ERRORS, nx.NetworkXError) as error:
            problem = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"'{path.name}' is no GraphML: {problem[:200]}.") from None
        try:
            return build_document(from_networkx(graph))
        except (InputError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"'{path.name}': {str(error).rstrip('.')}.") from None


def to_networkx(listing: CircuitListing) -> nx.MultiDiGraph:
    """A networkx graph whose nodes have kind, layer and label, and edges score, channel and receiver.

    Nodes and edges have ``ablated=True`` and ``live=False`` only where that is so.
    """
    graph = nx.MultiDiGraph(**listing.model_attributes)
    for name, attributes in listing.nodes.items():
        graph.add_node(name, **attributes)
    for edge in listing.edges:
        for owner in edge.owners:
            edge_attributes = {
                "receiver": edge.receiver,
                "channel": edge.channel,
                **({} if edge.score is None else {"score": edge.score}),
                **edge.ablation_attrs,
            }
            graph.add_edge(edge.sender, owner, **edge_attributes)
    return graph


def from_networkx(graph: nx.Graph) -> CircuitListing:
    """The listing of a graph; without ``receiver``, an edge reaches its node's ``channel``, or the node."""
    edges: dict[tuple[str, str], ListedEdge] = {}
    for sender, node, attributes in graph.edges(data=True):
        channel = str(attributes.get("channel", ""))
        receiver = str(attributes.get("receiver", f"{node}<{channel}>" if channel else node))
        if isinstance(attributes.get("score", 0.0), str):
            raise InputError(f"the edge '{sender}->{receiver}' has the score {attributes['score'][:40]!r}")
        score, is_ablated_edge = float(attributes.get("score", 0.0)), is_ablated(attributes)
        listed = ListedEdge(str(sender), receiver, (), score, is_ablated_edge)
        edges[listed.sender, listed.receiver] = listed
    nodes = {str(name): dict(attributes) for name, attributes in graph.nodes(data=True)}
    return CircuitListing(dict(graph.graph), nodes, tuple(edges.values()))


formats.register("graphml", summary="GraphML for graph tools")(GraphMlFormat())
