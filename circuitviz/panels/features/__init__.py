"""Features of the open dictionaries: a list to search, and the dashboard of one."""

from circuitviz.panels.features.panel import FeaturesPanel

__all__ = ["FeaturesPanel"]
