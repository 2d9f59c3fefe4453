"""The log panel."""

from circuitviz.panels.log.panel import LogPanel

__all__ = ["LogPanel"]
