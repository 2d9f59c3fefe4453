"""Docks around the canvas, one folder each."""

from circuitviz.panels.registry import Panel, panels

__all__ = ["Panel", "panels"]
