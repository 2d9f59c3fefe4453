"""The Compare panel: one page for each kind of comparison."""

from circuitviz.panels.compare.panel import ComparePanel

__all__ = ["ComparePanel"]
