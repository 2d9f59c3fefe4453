"""Heat maps: numbers in rows and columns, read by hovering, clicked, walked by keys, exported."""

from circuitviz.panels.heat.grid import HeatGrid
from circuitviz.panels.heat.widget import HeatMap

__all__ = ["HeatGrid", "HeatMap"]
