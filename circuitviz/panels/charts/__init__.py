"""Pictures of measures: a chart is one file, registered under its measure's name."""

from circuitviz.panels.charts.chart import ChartView
from circuitviz.panels.charts.sketch import ChartSpec, charts

__all__ = ["ChartView", "ChartSpec", "charts"]
