"""Metrics: one number per prompt from the logits at its answer position."""

from circuitviz.metrics.registry import Metric, metrics

__all__ = ["Metric", "metrics"]
