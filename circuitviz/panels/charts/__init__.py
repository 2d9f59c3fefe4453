"""Pictures of measures: a chart is one file, registered under its measure's name."""

from circuitviz.panels.charts.chart import Chart, charts

__all__ = ["Chart", "charts"]
