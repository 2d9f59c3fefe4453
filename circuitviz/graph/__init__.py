"""Nodes, edges, scores and circuits as plain data: NumPy arrays and dataclasses, importable without torch."""

from circuitviz.graph.circuits import Circuit, prune
from circuitviz.graph.evaluation import Evaluation, FeatureResponse, Interval, PromptDetails, TargetChange
from circuitviz.graph.first_order import estimate_target_change
from circuitviz.graph.folding import FoldedCircuit, FoldedEdge, fold_circuit
from circuitviz.graph.graph import BoolMatrix, Graph
from circuitviz.graph.interventions import (
    COMPONENT_INTERVENTIONS,
    ERROR_MODES,
    FEATURE_INTERVENTIONS,
    OUTSIDE_VALUES,
    STEERING_ACTIONS,
    Intervention,
    Interventions,
    parse_positions,
)
from circuitviz.graph.nodes import ModelShape, Node, NodeKind
from circuitviz.graph.overlap import overlap, precision_and_recall
from circuitviz.graph.reuse import CircuitReuse, measure_reuse
from circuitviz.graph.scores import SELECTIONS, Scores
from circuitviz.graph.steering import SteeringQuery, SteeringResult
from circuitviz.graph.task_check import TaskCheck
from circuitviz.graph.traces import TraceSet

__all__ = [
    "ERROR_MODES",
    "FEATURE_INTERVENTIONS",
    "OUTSIDE_VALUES",
    "SELECTIONS",
    "STEERING_ACTIONS",
    "SteeringQuery",
    "SteeringResult",
    "COMPONENT_INTERVENTIONS",
    "FoldedEdge",
    "BoolMatrix",
    "Circuit",
    "Evaluation",
    "FeatureResponse",
    "FoldedCircuit",
    "Graph",
    "Interval",
    "Intervention",
    "Interventions",
    "NodeKind",
    "Node",
    "CircuitReuse",
    "PromptDetails",
    "Scores",
    "ModelShape",
    "TargetChange",
    "TaskCheck",
    "TraceSet",
    "estimate_target_change",
    "fold_circuit",
    "overlap",
    "parse_positions",
    "precision_and_recall",
    "prune",
    "measure_reuse",
]
