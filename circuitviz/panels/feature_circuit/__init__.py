"""Dock for prompt circuits: the attribution query, its threshold, and where the target's value comes from."""

from circuitviz.panels.feature_circuit.panel import FeatureCircuitPanel

__all__ = ["FeatureCircuitPanel"]
