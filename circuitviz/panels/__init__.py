"""Docks around the canvas, one file each, and the desk that they share."""

from circuitviz.panels.desk import Workspace
from circuitviz.panels.registry import Panel, panels

__all__ = ["Workspace", "Panel", "panels"]
