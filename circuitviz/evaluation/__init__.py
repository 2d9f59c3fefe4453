"""Evaluation of circuits: faithfulness, longer measures, tests of labels, and comparison with references."""

from circuitviz.evaluation.curve import CurvePoint, curve_areas, measure_curve_steps, mib_edge_counts
from circuitviz.evaluation.evaluate_circuit import (
    check_circuit_fits_model,
    evaluate,
    evaluate_steps,
    make_bench,
)
from circuitviz.evaluation.explain_change import ChangeReport, IntervenedCircuit, explain_change_steps
from circuitviz.evaluation.faithfulness import FaithfulnessBench, compute_faithfulness
from circuitviz.evaluation.feature_basis_bench import FeatureBasisBench
from circuitviz.evaluation.intervals import bootstrap_interval
from circuitviz.evaluation.reference_comparison import (
    ReferenceComparison,
    compare_methods_steps,
    compare_with_reference,
)
from circuitviz.evaluation.registry import (
    FEATURE_CIRCUITS,
    HEAD_CIRCUITS,
    FeatureMeasureInput,
    MeasureInput,
    MeasureOutput,
    inapplicable_measures,
    measure_steps,
    measures,
)
from circuitviz.graph import Evaluation, Interval
from circuitviz.graph.overlap import area_under_roc, overlap, precision_and_recall, ranking_quality

__all__ = [
    "ReferenceComparison",
    "compare_with_reference",
    "compare_methods_steps",
    "FaithfulnessBench",
    "CurvePoint",
    "Evaluation",
    "FEATURE_CIRCUITS",
    "FeatureMeasureInput",
    "HEAD_CIRCUITS",
    "Interval",
    "FeatureBasisBench",
    "make_bench",
    "MeasureOutput",
    "IntervenedCircuit",
    "MeasureInput",
    "ChangeReport",
    "area_under_roc",
    "curve_areas",
    "bootstrap_interval",
    "explain_change_steps",
    "check_circuit_fits_model",
    "measure_curve_steps",
    "mib_edge_counts",
    "evaluate",
    "evaluate_steps",
    "compute_faithfulness",
    "measure_steps",
    "measures",
    "inapplicable_measures",
    "overlap",
    "precision_and_recall",
    "ranking_quality",
]
