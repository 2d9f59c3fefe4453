"""Readings of a prompt and of the selected node: a page is one file."""

from circuitviz.panels.readings.panel import ReadingsPanel
from circuitviz.panels.readings.registry import Page, pages

__all__ = ["Page", "ReadingsPanel", "pages"]
