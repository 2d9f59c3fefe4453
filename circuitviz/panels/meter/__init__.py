"""The meter panel."""

from circuitviz.panels.meter.panel import MeterPanel

__all__ = ["MeterPanel"]
