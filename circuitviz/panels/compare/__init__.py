"""The pages of the Compare panel: one file for each way to hold circuits against one another."""

from circuitviz.panels.compare.panel import ComparePanel

__all__ = ["ComparePanel"]
