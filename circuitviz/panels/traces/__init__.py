"""Pages of the Traces panel: what many circuits of one feature have in common."""

from circuitviz.panels.traces.panel import TracesPanel

__all__ = ["TracesPanel"]
