"""The edges panel."""

from circuitviz.panels.edges.panel import EdgesPanel

__all__ = ["EdgesPanel"]
