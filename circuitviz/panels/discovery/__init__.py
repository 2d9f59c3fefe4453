"""The discovery panel."""

from circuitviz.panels.discovery.panel import DiscoveryPanel

__all__ = ["DiscoveryPanel"]
