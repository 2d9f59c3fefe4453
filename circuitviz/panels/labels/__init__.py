"""Dock with the labels of nodes, edges and groups, their evidence and tests."""

from circuitviz.panels.labels.panel import LabelsPanel

__all__ = ["LabelsPanel"]
