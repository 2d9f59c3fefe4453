from .chart_shapes import MeasureChart as MeasureChart
from .chart_spec import ChartSpec as ChartSpec
from .chart_spec import PlotColour as PlotColour
from .chart_spec import build_chart as build_chart
from .chart_spec import charts as charts
