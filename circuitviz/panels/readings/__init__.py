"""Readings of a prompt and of the selected node; each page has a file of its own."""

from circuitviz.panels.readings.panel import ReadingsPanel
from circuitviz.panels.readings.registry import ReadingPage, reading_pages

__all__ = ["ReadingPage", "ReadingsPanel", "reading_pages"]
