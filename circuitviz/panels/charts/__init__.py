"""Pictures of measures: a chart is one file, registered under its measure's name."""

from circuitviz.panels.charts.chart import Chart
from circuitviz.panels.charts.sketch import Sketch, charts

__all__ = ["Chart", "Sketch", "charts"]
