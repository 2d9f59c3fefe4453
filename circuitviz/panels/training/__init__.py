"""The training panel."""

from circuitviz.panels.training.panel import TrainingPanel

__all__ = ["TrainingPanel"]
