"""The inspector panel."""

from circuitviz.panels.inspector.panel import InspectorPanel

__all__ = ["InspectorPanel"]
