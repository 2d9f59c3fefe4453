"""The paths panel."""

from circuitviz.panels.paths.panel import PathsPanel

__all__ = ["PathsPanel"]
