"""What the Labels panel is made of: the table, the evidence, the suggestions, the rounds."""

from circuitviz.panels.labels.panel import LabelsPanel

__all__ = ["LabelsPanel"]
