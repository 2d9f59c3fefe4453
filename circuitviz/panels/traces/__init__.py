"""Dock that compares the circuits of one feature over many examples."""

from circuitviz.panels.traces.panel import TracesPanel

__all__ = ["TracesPanel"]
