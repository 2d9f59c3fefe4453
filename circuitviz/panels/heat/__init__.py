"""Heat maps: numbers in rows and columns, read by hovering, clicked, walked by keys, exported."""

from circuitviz.panels.heat.heat_grid import HeatGrid
from circuitviz.panels.heat.heat_map import HeatMap

__all__ = ["HeatGrid", "HeatMap"]
