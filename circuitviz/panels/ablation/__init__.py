"""Dock for interventions: what the selected nodes write, what changed, and a history to go back to."""

from circuitviz.panels.ablation.panel import AblationPanel

__all__ = ["AblationPanel"]
