"""Nodes, edges, scores and circuits: plain data that needs no torch to read."""

from circuitviz.graph.circuits import Circuit, prune
from circuitviz.graph.flows import estimate_target_change
from circuitviz.graph.folding import FoldedEdge, FoldedCircuit, fold_circuit
from circuitviz.graph.graph import BoolMatrix, Graph
from circuitviz.graph.interventions import (
    ERROR_MODES,
    FEATURE_INTERVENTIONS,
    OUTSIDE_VALUES,
    COMPONENT_INTERVENTIONS,
    Intervention,
    Interventions,
    parse_positions,
)
from circuitviz.graph.nodes import NodeKind, Node, ModelShape
from circuitviz.graph.overlap import overlap, precision_and_recall
from circuitviz.graph.reuse import CircuitReuse, measure_reuse
from circuitviz.graph.scores import SELECTIONS, Scores
from circuitviz.graph.traces import TraceSet

__all__ = [
    "ERROR_MODES",
    "FEATURE_INTERVENTIONS",
    "OUTSIDE_VALUES",
    "SELECTIONS",
    "COMPONENT_INTERVENTIONS",
    "FoldedEdge",
    "BoolMatrix",
    "Circuit",
    "FoldedCircuit",
    "Graph",
    "Intervention",
    "Interventions",
    "NodeKind",
    "Node",
    "CircuitReuse",
    "Scores",
    "ModelShape",
    "TraceSet",
    "estimate_target_change",
    "fold_circuit",
    "overlap",
    "parse_positions",
    "precision_and_recall",
    "prune",
    "measure_reuse",
]
