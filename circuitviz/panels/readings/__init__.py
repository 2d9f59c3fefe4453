"""Readings of a prompt and of the selected node: a page is one file."""

from circuitviz.panels.readings.panel import ReadingsPanel
from circuitviz.panels.readings.registry import ReadingPage, reading_pages

__all__ = ["ReadingPage", "ReadingsPanel", "reading_pages"]
