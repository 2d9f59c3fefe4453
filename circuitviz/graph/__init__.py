"""Nodes, edges, scores and circuits: plain data that needs no torch to read."""

from circuitviz.graph.circuits import Circuit, prune
from circuitviz.graph.graph import BoolMatrix, Graph
from circuitviz.graph.nodes import Kind, Node, Shape
from circuitviz.graph.scores import SELECTIONS, Scores

__all__ = [
    "SELECTIONS",
    "BoolMatrix",
    "Circuit",
    "Graph",
    "Kind",
    "Node",
    "Scores",
    "Shape",
    "prune",
]
