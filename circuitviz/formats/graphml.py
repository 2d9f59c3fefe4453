"""GraphML through networkx: for Gephi, Cytoscape, yEd and Python."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx as nx

from circuitviz.errors import InputError
from circuitviz.formats.disk import read_bytes, write_whole
from circuitviz.formats.listing import ListedEdge, Listing, document_of, is_ablated, listing_of
from circuitviz.formats.registry import formats
from circuitviz.session import Document

LARGEST, MOST_TAGS = 128 * 2**20, 400_000  # of 80,000 edges with what is said of them
FAILURES = (ParseError, nx.NetworkXError, ValueError, TypeError, AttributeError, LookupError)
DECLARATIONS = re.compile(rb"<!(?!--)|\0")  # entities can grow without bound; graphs need none


class GraphMl:
    """A directed multigraph: an edge for each channel, ``receiver`` names it as EAP-IG does."""

    suffix = ".graphml"
    reads = True
    writes = True

    def write(self, document: Document, path: Path) -> None:
        """Write the circuit; what is ablated says so."""
        out = io.BytesIO()
        nx.write_graphml(to_networkx(listing_of(document)), out)
        write_whole(path, out.getvalue())

    def read(self, path: Path) -> Document:
        """Read a circuit; InputError where it is no graph, or none of a model."""
        data = read_bytes(path, LARGEST)
        if data.count(b"<") > MOST_TAGS:
            raise InputError(f"'{path.name}' holds more elements than any circuit; it was not opened.")
        if DECLARATIONS.search(data):
            raise InputError(f"'{path.name}' declares entities or is no UTF-8; it was not opened.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # networkx says what it guesses of foreign files
                graph = nx.read_graphml(io.BytesIO(data), node_type=str)
        except FAILURES as error:
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"'{path.name}' is no GraphML: {what[:200]}.") from None
        try:
            return document_of(from_networkx(graph))
        except (InputError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"'{path.name}': {str(error).rstrip('.')}.") from None


def to_networkx(listing: Listing) -> nx.MultiDiGraph:
    """Nodes with kind, layer, label; edges with score, channel and the receiver that they reach;
    ``ablated`` and ``live=False`` only where they hold.
    """
    drawn = nx.MultiDiGraph(**listing.about)
    for name, told in listing.nodes.items():
        drawn.add_node(name, **told)
    for edge in listing.edges:
        for owner in edge.owners:
            said = {"receiver": edge.receiver, "channel": edge.channel, "score": edge.score, **edge.fate}
            drawn.add_edge(edge.sender, owner, **said)
    return drawn


def from_networkx(graph: nx.Graph) -> Listing:
    """The listing of a graph; without ``receiver``, an edge reaches its node's ``channel``, or the node."""
    edges: dict[tuple[str, str], ListedEdge] = {}
    for sender, node, told in graph.edges(data=True):
        channel = str(told.get("channel", ""))
        receiver = str(told.get("receiver", f"{node}<{channel}>" if channel else node))
        if isinstance(told.get("score", 0.0), str):
            raise InputError(f"the edge '{sender}->{receiver}' has the score {told['score'][:40]!r}")
        score, out = float(told.get("score", 0.0)), is_ablated(told)
        listed = ListedEdge(str(sender), receiver, (), score, out)
        edges[listed.sender, listed.receiver] = listed
    nodes = {str(name): dict(told) for name, told in graph.nodes(data=True)}
    return Listing(dict(graph.graph), nodes, tuple(edges.values()))


formats.register("graphml", summary="GraphML for graph tools")(GraphMl())
