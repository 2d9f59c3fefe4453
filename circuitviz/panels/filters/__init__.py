"""The filters panel."""

from circuitviz.panels.filters.panel import FiltersPanel

__all__ = ["FiltersPanel"]
