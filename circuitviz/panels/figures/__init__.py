"""The one dialog in which everything that is drawn becomes a figure: circuits, plots and heat maps."""

from circuitviz.panels.figures.dialog import FigureDialog
from circuitviz.panels.figures.plot_dialog import PlotDialog, export_one_of, export_plot
from circuitviz.panels.figures.preview import Preview

__all__ = ["FigureDialog", "PlotDialog", "Preview", "export_one_of", "export_plot"]
