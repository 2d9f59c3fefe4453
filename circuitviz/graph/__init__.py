"""Nodes, edges, scores and circuits: plain data that needs no torch to read."""

from circuitviz.graph.circuits import Circuit, prune
from circuitviz.graph.flows import change_without
from circuitviz.graph.folding import Arrow, Folding, fold
from circuitviz.graph.graph import BoolMatrix, Graph
from circuitviz.graph.interventions import (
    ERRORS,
    OF_FEATURES,
    OUTSIDE,
    VALUES,
    Intervention,
    Interventions,
    parse_positions,
)
from circuitviz.graph.nodes import Kind, Node, Shape
from circuitviz.graph.overlap import overlap, precision_and_recall
from circuitviz.graph.reuse import Reuse, reuse
from circuitviz.graph.scores import SELECTIONS, Scores
from circuitviz.graph.traces import Traces

__all__ = [
    "ERRORS",
    "OF_FEATURES",
    "OUTSIDE",
    "SELECTIONS",
    "VALUES",
    "Arrow",
    "BoolMatrix",
    "Circuit",
    "Folding",
    "Graph",
    "Intervention",
    "Interventions",
    "Kind",
    "Node",
    "Reuse",
    "Scores",
    "Shape",
    "Traces",
    "change_without",
    "fold",
    "overlap",
    "parse_positions",
    "precision_and_recall",
    "prune",
    "reuse",
]
