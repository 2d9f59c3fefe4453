"""The evaluation panel."""

from circuitviz.panels.evaluation.panel import EvaluationPanel

__all__ = ["EvaluationPanel"]
