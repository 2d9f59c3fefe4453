"""Docks around the canvas, one file each, and the desk that they share."""

from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels

__all__ = ["Desk", "Panel", "panels"]
