"""Why a feature, a neuron or a token has its value: the question, the threshold, the ledger."""

from circuitviz.panels.feature_circuit.panel import FeatureCircuitPanel

__all__ = ["FeatureCircuitPanel"]
