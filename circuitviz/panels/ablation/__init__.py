"""The parts of the Ablation panel: the form, what changed, and predicted against measured."""

from circuitviz.panels.ablation.panel import AblationPanel

__all__ = ["AblationPanel"]
