"""Metrics: what a circuit is judged by, one number per prompt."""

from circuitviz.metrics.registry import Metric, metrics

__all__ = ["Metric", "metrics"]
