"""Judging a circuit: faithfulness, curves, overlap, and quick estimates."""

from circuitviz.evaluation.against import Against, against, against_steps
from circuitviz.evaluation.bench import bench_of, check_graph, evaluate, evaluate_steps
from circuitviz.evaluation.changes import Situation, WhatChanged, changes_steps
from circuitviz.evaluation.curve import CurvePoint, areas, curve_steps, edge_counts
from circuitviz.evaluation.faithfulness import Bench, Evaluation, faithfulness
from circuitviz.evaluation.intervals import Interval, bootstrap
from circuitviz.evaluation.measures import (
    FEATURES,
    HEADS,
    FeatureSubject,
    Result,
    Subject,
    measure_steps,
    measures,
    measures_of,
)
from circuitviz.evaluation.opened import OpenedBench
from circuitviz.graph.overlap import area_under_roc, overlap, precision_and_recall, ranking

__all__ = [
    "Against",
    "against",
    "against_steps",
    "Bench",
    "CurvePoint",
    "Evaluation",
    "FEATURES",
    "FeatureSubject",
    "HEADS",
    "Interval",
    "OpenedBench",
    "bench_of",
    "Result",
    "Situation",
    "Subject",
    "WhatChanged",
    "area_under_roc",
    "areas",
    "bootstrap",
    "changes_steps",
    "check_graph",
    "curve_steps",
    "edge_counts",
    "evaluate",
    "evaluate_steps",
    "faithfulness",
    "measure_steps",
    "measures",
    "measures_of",
    "overlap",
    "precision_and_recall",
    "ranking",
]
