"""Dock with the features of the open SAEs and transcoders: a searchable list and a dashboard."""

from circuitviz.panels.features.panel import FeaturesPanel

__all__ = ["FeaturesPanel"]
