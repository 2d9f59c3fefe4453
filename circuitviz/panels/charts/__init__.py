"""Pictures of measures: a chart is one file, registered under its measure's name."""

from circuitviz.panels.charts.chart_spec import ChartSpec, charts
from circuitviz.panels.charts.chart_view import ChartView

__all__ = ["ChartView", "ChartSpec", "charts"]
